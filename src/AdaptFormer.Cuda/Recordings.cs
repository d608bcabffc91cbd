using AdaptFormer.Cuda.Memory;
using AdaptFormer.Cuda.Native;
using AdaptFormer.Tensors;

namespace AdaptFormer.Cuda;

/// <summary>
/// A computation's calls for each shape of its input, recorded as CUDA graphs. The first time they are carried out, which loads kernels and
/// makes what is kept of weights; the second time they are recorded; from then on the card is asked once for all of them. Where a record
/// cannot be made they are carried out every time. One thread at a time.
/// </summary>
internal sealed unsafe class Recordings
{
    private readonly Lock _gate = new();
    private readonly Dictionary<Shape, Recording?> _all = [];
    private readonly HashSet<Shape> _seen = [];

    /// <summary>Runs the computation.</summary>
    public Tensor Run(CudaKernels kernels, Tensor input, Func<Tensor, Tensor> body)
    {
        lock (_gate)
        {
            if (input.Tape is not null || _seen.Add(input.Shape)) return body(input);
            if (!_all.TryGetValue(input.Shape, out Recording? recording))
                _all[input.Shape] = recording = Recording.Of(kernels, input, body);
            return recording?.Repeat(input) ?? body(input);
        }
    }

    private sealed class Recording
    {
        // Other threads may go on allocating.
        private const int ThreadLocal = 1;
        private readonly CudaKernels _kernels;
        private readonly DevicePool.Reserved _blocks = new();
        private Tensor? _input, _result;
        private nint _graph;

        private Recording(CudaKernels kernels) => _kernels = kernels;

        ~Recording()
        {
            // The tensors' memory came back with them, or will; the card has long repeated what it was asked.
            DriverApi driver = _kernels.Context.Driver;
            _kernels.Context.Enter();
            if (_graph != 0) _ = driver.GraphExecDestroy(_graph);
            _kernels.Context.Pool.Release(_blocks);
        }

        /// <summary>Null where the calls cannot be recorded.</summary>
        public static Recording? Of(CudaKernels kernels, Tensor input, Func<Tensor, Tensor> body)
        {
            Recording recording = new(kernels);
            return recording.Record(input, body) ? recording : null;
        }

        public Tensor Repeat(Tensor input)
        {
            CudaContext context = _kernels.Context;
            context.Enter();
            _kernels.Copy(input, _input!);
            context.Driver.Check(context.Driver.GraphLaunch(_graph, context.Compute), "cuGraphLaunch");
            Tensor copy = _result!.NewEmpty(_result.Shape, _result.Type);
            _kernels.Copy(_result, copy);
            return copy;
        }

        private bool Record(Tensor input, Func<Tensor, Tensor> body)
        {
            CudaContext context = _kernels.Context;
            DriverApi driver = context.Driver;
            context.Enter();
            nint stream, graph = 0, made = 0;
            const uint NonBlocking = 1;
            driver.Check(driver.StreamCreate(&stream, NonBlocking), "cuStreamCreate");
            bool whole = true;
            using (DevicePool.Reserve(_blocks))
            {
                driver.Check(driver.BeginCapture(stream, ThreadLocal), "cuStreamBeginCapture");
                try
                {
                    using IDisposable recording = CudaContext.RecordIn(stream);
                    using TensorScope scope = new();
                    _input = Detached(input);
                    _result = Detached(body(_input), copied: true);
                }
                catch (NotRecordedException)
                {
                    whole = false;
                }
                finally
                {
                    driver.Check(driver.EndCapture(stream, &graph), "cuStreamEndCapture");
                }
            }

            if (whole) driver.Check(driver.GraphInstantiate(&made, graph, 0), "cuGraphInstantiate");
            _ = driver.GraphDestroy(graph);
            _graph = made;
            return whole;
        }

        // A tensor of this one's shape that no scope owns.
        private Tensor Detached(Tensor x, bool copied = false)
        {
            Tensor own = _kernels.NewTensor(x.Shape, x.Type);
            if (copied) _kernels.Copy(x, own);
            return own;
        }
    }
}
