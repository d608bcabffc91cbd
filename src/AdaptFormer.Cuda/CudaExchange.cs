using System.Diagnostics;
using AdaptFormer.Cuda.Native;
using AdaptFormer.Tensors;

namespace AdaptFormer.Cuda;

/// <summary>
/// Exchanges between cards by NCCL, in the stream of the kernels. Nothing is waited for inside the library: its error and an event behind
/// the exchange are asked after until it is done or the deadline has passed, so that a process that stopped is an error and not a silence.
/// </summary>
internal sealed unsafe class CudaExchange : TensorExchange
{
    private readonly CollectiveApi _api;
    private readonly CudaContext _context;
    private readonly int _size;
    private readonly nint _event;
    private nint _communicator;

    /// <summary>Joins the others, who call it with the same id.</summary>
    /// <exception cref="TimeoutException">Not all of them came.</exception>
    /// <exception cref="CudaException">NCCL failed.</exception>
    public CudaExchange(CollectiveApi api, CudaContext context, ReadOnlySpan<byte> id, int rank, int size, TimeSpan within)
    {
        (_api, _context, _size) = (api, context, size);
        CollectiveApi.UniqueId common = CollectiveApi.UniqueId.Of(id);
        nint communicator = 0;
        // It returns when all are here, which may be never: on a thread of its own, so that this one can give up.
        Task<int> joining = Task.Factory.StartNew(() =>
        {
            context.Enter();
            nint joined;
            int code = api.Connect(&joined, size, common, rank);
            communicator = joined;
            return code;
        }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        if (!joining.Wait(within)) throw new TimeoutException($"NCCL: not all of {size} processes came within {within.TotalSeconds:0} s.");
        api.Check(joining.Result, "ncclCommInitRank");
        _communicator = communicator;
        context.Enter();
        nint made;
        const uint WithoutTime = 2;
        context.Driver.Check(context.Driver.EventCreate(&made, WithoutTime), "cuEventCreate");
        _event = made;
    }

    /// <inheritdoc/>
    public override string Library => _api.Version;

    /// <inheritdoc/>
    public override void Exchange(Tensor send, Tensor received)
    {
        _context.Enter();
        long part = send.Length / _size;
        _api.Check(_api.GroupStart(), "ncclGroupStart");
        for (int peer = 0; peer < _size; peer++)
        {
            nint at = (nint)(peer * part * sizeof(float));
            int sent = _api.Send(Argument.Address(send) + at, (nuint)part, CollectiveApi.Float32, peer, _communicator, _context.Compute);
            _api.Check(sent, "ncclSend");
            int taken = _api.Receive(
                Argument.Address(received) + at, (nuint)part, CollectiveApi.Float32, peer, _communicator, _context.Compute);
            _api.Check(taken, "ncclRecv");
        }

        _api.Check(_api.GroupEnd(), "ncclGroupEnd");
    }

    /// <inheritdoc/>
    public override void Gather(Tensor own, Tensor all)
    {
        _context.Enter();
        int code = _api.Gather(Argument.Address(own), Argument.Address(all), (nuint)own.Length, CollectiveApi.Float32, _communicator,
            _context.Compute);
        _api.Check(code, "ncclAllGather");
    }

    /// <inheritdoc/>
    public override void Sum(Tensor values)
    {
        _context.Enter();
        nint at = Argument.Address(values);
        int code = _api.Reduce(at, at, (nuint)values.Length, CollectiveApi.Float32, CollectiveApi.Add, _communicator, _context.Compute);
        _api.Check(code, "ncclAllReduce");
    }

    /// <inheritdoc/>
    public override void Complete(TimeSpan within)
    {
        _context.Enter();
        DriverApi driver = _context.Driver;
        driver.Check(driver.EventRecord(_event, _context.Compute), "cuEventRecord");
        long began = Stopwatch.GetTimestamp();
        while (true)
        {
            int code = driver.EventQuery(_event), error;
            if (code == 0) return;
            if (code != DriverApi.NotReady) driver.Check(code, "cuEventQuery");
            _api.Check(_api.AsyncError(_communicator, &error), "ncclCommGetAsyncError");
            TimeSpan passed = Stopwatch.GetElapsedTime(began);
            if (error == 0 && passed <= within)
            {
                if (passed.TotalMilliseconds < 20) Thread.Yield();
                else Thread.Sleep(1);
                continue;
            }

            Abort();
            _api.Check(error, "an exchange between cards");
            throw new TimeoutException($"no answer from the other processes' cards for {within.TotalSeconds:0} s");
        }
    }

    /// <inheritdoc/>
    protected override void Leave()
    {
        if (_communicator == 0) return;
        _context.Enter();
        _ = _api.Destroy(_communicator);
        _communicator = 0;
    }

    private void Abort()
    {
        _ = _api.Abort(_communicator);
        _communicator = 0;
    }
}
