using System.Text;
using AdaptFormer.Cuda.Memory;
using AdaptFormer.Cuda.Native;

namespace AdaptFormer.Cuda;

/// <summary>One card: its context, a stream for the kernels, one for copies beside them, its memory and its kernels.</summary>
internal sealed unsafe class CudaContext
{
    /// <summary>The least compute capability that the kernels are for: bf16 on the matrix units came with 8.0.</summary>
    private const int LeastMajor = 8;

    [ThreadStatic]
    private static CudaContext? _current;

    // The stream that this thread's calls are recorded in; 0 while they are carried out.
    [ThreadStatic]
    private static nint _recording;

    private readonly CudaLibraries _libraries;
    private readonly nint _context, _compute;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, nint> _modules = [];
    private readonly nint[] _functions = new nint[KernelNames.Count];

    /// <summary>Takes card <paramref name="ordinal"/>.</summary>
    /// <exception cref="CudaException">There is no such card, or it is too old.</exception>
    public CudaContext(CudaLibraries libraries, int ordinal)
    {
        _libraries = libraries;
        DriverApi driver = libraries.Driver;
        driver.Check(driver.Init(0), "cuInit");
        CudaCard card = CudaCard.Read(driver, ordinal);
        Card = card;
        if (card.Major < LeastMajor)
            throw new CudaException($"cuda:{ordinal} ({card.Name}) has compute capability {card.Major}.{card.Minor}; {LeastMajor}.0 "
                + "(Ampere) or newer is needed. Use --device cpu.");
        nint context, compute, copies;
        const uint NonBlocking = 1;
        driver.Check(driver.RetainContext(&context, ordinal), "cuDevicePrimaryCtxRetain");
        _context = context;
        Enter();
        driver.Check(driver.StreamCreate(&compute, NonBlocking), "cuStreamCreate");
        driver.Check(driver.StreamCreate(&copies, NonBlocking), "cuStreamCreate");
        _compute = compute;
        Pool = new DevicePool(driver, $"cuda:{ordinal} ({card.Name})", libraries.IsEmulated ? compute : 0);
        Staging = new Staging(driver, compute, copies);
        Readbacks = new Readbacks(driver);
        Products = new MatMulPlans(libraries.Products, this);
    }

    public CudaCard Card { get; }

    public DriverApi Driver => _libraries.Driver;

    /// <summary>NCCL; null where there is none.</summary>
    public CollectiveApi? Collectives => _libraries.Collectives;

    /// <summary>The stream of all kernels, or the one in which this thread records them.</summary>
    public nint Compute => _recording != 0 ? _recording : _compute;

    /// <summary>Throws where the calls of this thread are recorded to be repeated: what the host writes or reads cannot be.</summary>
    /// <exception cref="NotRecordedException">They are.</exception>
    public static void RequireNoRecording()
    {
        if (_recording != 0) throw new NotRecordedException();
    }

    /// <summary>Records this thread's calls until the result is disposed, in a stream of its own.</summary>
    public static IDisposable RecordIn(nint stream)
    {
        _recording = stream;
        return new EndOfRecording();
    }

    public DevicePool Pool { get; }

    public Staging Staging { get; }

    public Readbacks Readbacks { get; }

    public MatMulPlans Products { get; }

    /// <summary>Makes this card the one that the thread's calls go to.</summary>
    public void Enter()
    {
        if (_current == this) return;
        Driver.Check(Driver.SetContext(_context), "cuCtxSetCurrent");
        _current = this;
    }

    /// <summary>Memory of the card that nobody holds.</summary>
    public long FreeBytes
    {
        get
        {
            Enter();
            nuint available, total;
            Driver.Check(Driver.MemoryInfo(&available, &total), "cuMemGetInfo");
            return (long)available;
        }
    }

    /// <summary>Waits until the card has done everything.</summary>
    public void Synchronize()
    {
        RequireNoRecording();
        Enter();
        Driver.Check(Driver.StreamSynchronize(Compute), "cuStreamSynchronize");
    }

    /// <summary>Puts a kernel into the stream: <paramref name="x"/> by <paramref name="y"/> blocks.</summary>
    /// <param name="kernel">Which.</param>
    /// <param name="x">Blocks along x.</param>
    /// <param name="y">Blocks along y.</param>
    /// <param name="arguments">In the order of its parameters.</param>
    /// <param name="last">The address of one more argument, a structure; none if null.</param>
    /// <param name="threads">Threads of a block.</param>
    public void Launch(KernelName kernel, long x, long y, ReadOnlySpan<Argument> arguments, void* last = null, uint threads = 256)
    {
        if (x == 0 || y == 0) return;
        Enter();
        nint function = Volatile.Read(ref _functions[kernel.Index]);
        if (function == 0) function = Load(kernel);
        void** pointers = stackalloc void*[arguments.Length + 1];
        fixed (Argument* values = arguments)
        {
            for (int i = 0; i < arguments.Length; i++) pointers[i] = values + i;
            pointers[arguments.Length] = last;
            int code = Driver.Launch(function, checked((uint)x), checked((uint)y), 1, threads, 1, 1, 0, Compute, pointers, null);
            if (code != 0) Driver.Check(code, $"kernel {kernel.Name}");
        }
    }

    private nint Load(KernelName kernel)
    {
        lock (_gate)
        {
            if (!_modules.TryGetValue(kernel.File, out nint module)) _modules[kernel.File] = module = LoadFile(kernel.File);

            nint function;
            fixed (byte* name = Encoding.UTF8.GetBytes(kernel.Name + "\0"))
                Driver.Check(Driver.GetFunction(&function, module, name), $"cuModuleGetFunction of {kernel.Name}");
            Volatile.Write(ref _functions[kernel.Index], function);
            return function;
        }
    }

    // What was packed serves every card from 8.0 on; NVRTC where nothing was, and where the driver is older than the packed text.
    private nint LoadFile(string file)
    {
        nint module;
        byte[]? packed = _libraries.IsPlanned ? [0] : _libraries.IsEmulated ? null : KernelImages.Ptx(file);
        if (packed is not null)
        {
            int code;
            fixed (byte* text = packed) code = Driver.LoadModule(&module, text);
            if (code == 0) return module;
            if (code != DriverApi.UnsupportedPtx || _libraries.Compiler is null) Driver.Check(code, $"cuModuleLoadData of {file}");
        }

        fixed (byte* image = KernelImages.Compile(file, _libraries.Compiler, Card))
            Driver.Check(Driver.LoadModule(&module, image), $"cuModuleLoadData of {file}");
        return module;
    }

    private sealed class EndOfRecording : IDisposable
    {
        public void Dispose() => _recording = 0;
    }
}

/// <summary>A computation moves numbers between host and card, so that it cannot be repeated as one.</summary>
internal sealed class NotRecordedException() : CudaException("A computation that reads or writes the host's memory cannot be recorded.");
