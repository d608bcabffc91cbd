using System.Runtime.InteropServices;

namespace AdaptFormer.Distributed;

/// <summary>
/// The functions of an MPI library and the values of its handles. Open MPI's handles are addresses of symbols, MPICH's are numbers; both
/// pass through a register, so one set of declarations serves both.
/// </summary>
internal sealed unsafe partial class MpiLibrary
{
    /// <summary>Environment variable that names the library's file.</summary>
    public const string Variable = "ADAPTFORMER_MPI";

    private static readonly string[] OpenMpi = ["libmpi.so.40", "libmpi.so", "libmpi.dylib"];
    private static readonly string[] Mpich = ["libmpich.so.12", "libmpi.so.12", "libmpi.so", "libmpi.12.dylib", "msmpi.dll"];

    private MpiLibrary(nint library, string file)
    {
        File = file;
        bool open = NativeLibrary.TryGetExport(library, "ompi_mpi_comm_world", out _);
        nint Handle(string symbol, nint number) => open ? NativeLibrary.GetExport(library, symbol) : number;
        (World, Byte, Float, SumOp, ErrorsReturn) = (
            Handle("ompi_mpi_comm_world", 0x44000000), Handle("ompi_mpi_byte", 0x4c00010d), Handle("ompi_mpi_float", 0x4c00040a),
            Handle("ompi_mpi_op_sum", 0x58000003), Handle("ompi_mpi_errors_return", 0x54000001));
        (InPlace, NoStatus) = open ? (1, 0) : (-1, 1);
        nint Call(string name) => NativeLibrary.GetExport(library, name);
        Initialize = (delegate* unmanaged<nint, nint, int, int*, int>)Call("MPI_Init_thread");
        Version = (delegate* unmanaged<byte*, int*, int>)Call("MPI_Get_library_version");
        SetErrorHandler = (delegate* unmanaged<nint, nint, int>)Call("MPI_Comm_set_errhandler");
        GetRank = (delegate* unmanaged<nint, int*, int>)Call("MPI_Comm_rank");
        GetSize = (delegate* unmanaged<nint, int*, int>)Call("MPI_Comm_size");
        AllGather = (delegate* unmanaged<void*, int, nint, void*, int, nint, nint, nint*, int>)Call("MPI_Iallgather");
        AllToAll = (delegate* unmanaged<void*, int, nint, void*, int, nint, nint, nint*, int>)Call("MPI_Ialltoall");
        AllReduce = (delegate* unmanaged<nint, void*, int, nint, nint, nint, nint*, int>)Call("MPI_Iallreduce");
        Broadcast = (delegate* unmanaged<void*, int, nint, int, nint, nint*, int>)Call("MPI_Ibcast");
        Test = (delegate* unmanaged<nint*, int*, nint, int>)Call("MPI_Test");
        ErrorText = (delegate* unmanaged<int, byte*, int*, int>)Call("MPI_Error_string");
        Finish = (delegate* unmanaged<int>)Call("MPI_Finalize");
        AbortAll = (delegate* unmanaged<nint, int, int>)Call("MPI_Abort");
    }

    /// <summary>The file that was loaded.</summary>
    public string File { get; }

    /// <summary>All processes.</summary>
    public nint World { get; }

    /// <summary>The types and the operation that are used.</summary>
    public nint Byte { get; }

    /// <summary>f32.</summary>
    public nint Float { get; }

    /// <summary>The sum.</summary>
    public nint SumOp { get; }

    /// <summary>The handler that returns errors.</summary>
    public nint ErrorsReturn { get; }

    /// <summary>Stands for the send buffer of an operation in place.</summary>
    public nint InPlace { get; }

    /// <summary>Stands for a status that nobody reads.</summary>
    public nint NoStatus { get; }

    public readonly delegate* unmanaged<nint, nint, int, int*, int> Initialize;
    public readonly delegate* unmanaged<byte*, int*, int> Version;
    public readonly delegate* unmanaged<nint, nint, int> SetErrorHandler;
    public readonly delegate* unmanaged<nint, int*, int> GetRank, GetSize;
    public readonly delegate* unmanaged<void*, int, nint, void*, int, nint, nint, nint*, int> AllGather, AllToAll;
    public readonly delegate* unmanaged<nint, void*, int, nint, nint, nint, nint*, int> AllReduce;
    public readonly delegate* unmanaged<void*, int, nint, int, nint, nint*, int> Broadcast;
    public readonly delegate* unmanaged<nint*, int*, nint, int> Test;
    public readonly delegate* unmanaged<int, byte*, int*, int> ErrorText;
    public readonly delegate* unmanaged<int> Finish;
    public readonly delegate* unmanaged<nint, int, int> AbortAll;

    /// <summary>Loads the library of a launcher's family, or the one that <see cref="Variable"/> names.</summary>
    /// <exception cref="DllNotFoundException">There is none.</exception>
    public static MpiLibrary Load(MpiFamily family)
    {
        // Both must be set before the library is loaded. UCX would take SIGSEGV over, by which .NET finds null references; copies from one
        // process into another need a right that containers do not give, and are no faster here.
        SetNative("UCX_ERROR_SIGNALS", "");
        SetNative("OMPI_MCA_btl_vader_single_copy_mechanism", "none");
        string? chosen = Environment.GetEnvironmentVariable(Variable);
        string[] files = chosen is { Length: > 0 } ? [chosen]
            : family == MpiFamily.OpenMpi ? [.. OpenMpi, .. Mpich] : [.. Mpich, .. OpenMpi];
        foreach (string file in files)
        {
            if (NativeLibrary.TryLoad(file, out nint library)) return new MpiLibrary(library, file);
        }

        throw new DllNotFoundException(
            $"Several processes were started by MPI, and there is no MPI library: none of {string.Join(", ", files.Distinct())} can be "
            + $"loaded. Install it (Debian: {(family == MpiFamily.OpenMpi ? "libopenmpi3" : "libmpich12")}), or name its file in "
            + $"{Variable}.");
    }

    private static void SetNative(string name, string value)
    {
        if (!OperatingSystem.IsWindows()) _ = SetEnvironment(name, value, overwrite: 0);
    }

    // .NET's own call changes what .NET sees, not what native libraries see.
    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnvironment(string name, string value, int overwrite);
}
