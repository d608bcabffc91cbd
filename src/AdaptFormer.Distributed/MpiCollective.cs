using System.Diagnostics;
using System.Text;

namespace AdaptFormer.Distributed;

/// <summary>
/// The processes of an MPI launch. Nothing blocks inside the library: an exchange is begun, then asked after until it is done or its
/// deadline has passed, so that a cut network is an error and not a silence.
/// </summary>
public sealed unsafe class MpiCollective : Collective
{
    private const int Serialized = 2;       // MPI_THREAD_SERIALIZED
    private const long Short = 64 << 10;    // bytes that arrive as soon as they are asked after
    private static readonly TimeSpan UntilLeft = TimeSpan.FromHours(1);
    private static readonly long SpinTicks = Stopwatch.Frequency / 5_000;                                           // 0.2 ms
    private static readonly long AwakeWaiting = Stopwatch.Frequency / 50, AwakeMoving = 2 * Stopwatch.Frequency;    // 20 ms, 2 s
    private readonly MpiLibrary _mpi;
    private readonly ProcessWatch _watch;
    // A byte of this rank's, and one of each; pinned, because the library may still write when a deadline has passed.
    private readonly byte[] _here;
    private bool _failed, _left;

    private MpiCollective(MpiLibrary mpi, int rank, int size, string library)
    {
        (_mpi, Rank, Size, Library) = (mpi, rank, size, library);
        _watch = new ProcessWatch(rank);
        _here = GC.AllocateArray<byte>(size + 1, pinned: true);
        Meet();
    }

    /// <inheritdoc/>
    public override int Rank { get; }

    /// <inheritdoc/>
    public override int Size { get; }

    /// <inheritdoc/>
    public override string Library { get; }

    /// <summary>Joins the processes of a launch. Once in a process.</summary>
    /// <param name="launch">The launch.</param>
    /// <exception cref="DllNotFoundException">There is no MPI library.</exception>
    /// <exception cref="ExchangeException">The library is not the launcher's, or does not work.</exception>
    public static MpiCollective Open(Launch launch)
    {
        MpiLibrary mpi = MpiLibrary.Load(launch.Family);
        int provided, rank, size, length;
        if (mpi.Initialize(0, 0, Serialized, &provided) != 0) throw new ExchangeException($"{mpi.File}: MPI_Init_thread failed.");
        _ = mpi.SetErrorHandler(mpi.World, mpi.ErrorsReturn);
        _ = mpi.GetRank(mpi.World, &rank);
        _ = mpi.GetSize(mpi.World, &size);
        byte* text = stackalloc byte[8192];
        _ = mpi.Version(text, &length);
        string version = Named(Encoding.UTF8.GetString(text, length));
        if (size != launch.Size)
        {
            throw new ExchangeException(
                $"The launcher ({(launch.Family == MpiFamily.OpenMpi ? "Open MPI" : "MPICH")}) started {launch.Size} processes, and the "
                + $"library {mpi.File} ({version}) knows of {size}: they are of two MPIs. Start with the launcher of that library, or name "
                + $"the launcher's library in {MpiLibrary.Variable}.");
        }

        return new MpiCollective(mpi, rank, size, version);
    }

    /// <inheritdoc/>
    public override void Abort(int code)
    {
        _failed = true;
        _watch.EndWithin(TimeSpan.FromSeconds(10), code);       // a library that lost its daemon may never return
        _ = _mpi.AbortAll(_mpi.World, code);
        ProcessWatch.Exit(code);
    }

    /// <inheritdoc/>
    protected override void GatherBytes(ReadOnlySpan<byte> own, Span<byte> all)
    {
        nint request;
        bool moves = Assemble(own.Length);
        fixed (byte* from = own, to = all)
        {
            Check(_mpi.AllGather(from, own.Length, _mpi.Byte, to, own.Length, _mpi.Byte, _mpi.World, &request));
            Complete(&request, moves);
        }
    }

    /// <inheritdoc/>
    protected override void ExchangeBytes(ReadOnlySpan<byte> send, Span<byte> received)
    {
        nint request;
        int part = send.Length / Size;
        bool moves = Assemble(part);
        fixed (byte* from = send, to = received)
        {
            Check(_mpi.AllToAll(from, part, _mpi.Byte, to, part, _mpi.Byte, _mpi.World, &request));
            Complete(&request, moves);
        }
    }

    /// <inheritdoc/>
    protected override void SumFloats(Span<float> values)
    {
        nint request;
        bool moves = Assemble((long)values.Length * sizeof(float));
        fixed (float* at = values)
        {
            Check(_mpi.AllReduce(_mpi.InPlace, at, values.Length, _mpi.Float, _mpi.SumOp, _mpi.World, &request));
            Complete(&request, moves);
        }
    }

    /// <inheritdoc/>
    protected override void BroadcastBytes(Span<byte> bytes)
    {
        nint request;
        bool moves = Assemble(bytes.Length);
        fixed (byte* at = bytes)
        {
            Check(_mpi.Broadcast(at, bytes.Length, _mpi.Byte, 0, _mpi.World, &request));
            Complete(&request, moves);
        }
    }

    /// <inheritdoc/>
    protected override void Leave()
    {
        if (_failed || _left) return;
        _left = true;
        Place = "the end";
        Wait(UntilLeft);        // rank 0 may still be writing its report; a wait here sleeps, one in the library spins
        _watch.EndWithin(TimeSpan.FromSeconds(60), code: 0);
        _ = _mpi.Finish();
        _watch.Dispose();
    }

    // A library moves a long message piece by piece, one each time that it is asked. Whoever sleeps in between, as one does while a slower
    // rank works, needs seconds for megabytes; so all ranks meet first, and from there on it is only the network that is waited for.
    private bool Assemble(long bytes)
    {
        if (bytes <= Short) return false;
        nint request;
        fixed (byte* own = _here)
        {
            Check(_mpi.AllGather(own, 1, _mpi.Byte, own + 1, 1, _mpi.Byte, _mpi.World, &request));
            Complete(&request, moves: false);
        }

        return true;
    }

    // Spins first, because the others are mostly there within microseconds; then leaves the core to whoever computes.
    private void Complete(nint* request, bool moves)
    {
        long began = Stopwatch.GetTimestamp(), limit = (long)(Timeout.TotalSeconds * Stopwatch.Frequency);
        long awake = moves ? AwakeMoving : AwakeWaiting;
        using IDisposable _ = _watch.Expect(Timeout, Place);
        while (true)
        {
            int done;
            Check(_mpi.Test(request, &done, _mpi.NoStatus));
            if (done != 0) return;
            long passed = Stopwatch.GetTimestamp() - began;
            if (passed > limit)
            {
                throw new ExchangeException(
                    $"no answer from the other processes for {Timeout.TotalSeconds:0} s at {Place}: the network is cut, or one of them "
                    + "hangs or is slower than cluster.timeout allows.");
            }

            if (passed < SpinTicks) Thread.SpinWait(10);
            else if (passed < awake) Thread.Yield();
            else Thread.Sleep(1);
        }
    }

    private void Check(int code)
    {
        if (code == 0) return;
        byte* text = stackalloc byte[1024];
        int length;
        string reason = _mpi.ErrorText(code, text, &length) == 0 ? Encoding.UTF8.GetString(text, length) : $"error {code}";
        throw new ExchangeException($"{Library} failed at {Place}: {reason}.");
    }

    // "Open MPI v4.1.4, package: …" and "MPICH Version:\t4.0.2\nMPICH Release date: …".
    private static string Named(string version) => version.Split(',', '\n')[0].Replace(" v", " ", StringComparison.Ordinal)
        .Replace(" Version:\t", " ", StringComparison.Ordinal).TrimEnd('\0', ' ');
}
