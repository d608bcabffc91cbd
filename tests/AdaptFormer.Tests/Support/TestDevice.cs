using AdaptFormer.Cuda;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Cuda;

namespace AdaptFormer.Tests.Support;

/// <summary>A device whose memory the host cannot read, for one test at a time.</summary>
internal abstract class TestDevice
{
    /// <summary>What computes on it.</summary>
    public abstract Backend Backend { get; }

    /// <summary>Blocks of its memory that are held now, after those that nobody reaches any more have been collected.</summary>
    public abstract long LiveBlocks { get; }

    private const string CardVariable = "ADAPTFORMER_TEST_CARD";

    /// <summary>A device of the named kind; skips the test, visibly, where there can be none. Tests of cards run on the emulated one unless
    /// <c>ADAPTFORMER_TEST_CARD=on</c> says that there is a real one.</summary>
    public static TestDevice Of(string name) => name != CpuBackends.Cuda ? new Checking()
        : Environment.GetEnvironmentVariable(CardVariable) == "on" ? new Card() : CudaEmulator.Take();

    /// <summary>Makes it the current one until the result is disposed; it is not to be used afterwards.</summary>
    public IDisposable Use() => new Use_(this, Backend.Use(Backend));

    /// <summary>The test is over.</summary>
    protected virtual void Return()
    {
    }

    private sealed class Checking : TestDevice
    {
        private readonly CheckingDevice _device = new();

        public override Backend Backend => _device;

        public override long LiveBlocks => _device.LiveBlocks;
    }

    private sealed class Card : TestDevice
    {
        private readonly CudaKernels _kernels = (CudaKernels)CudaDevice.Open().Backend;

        public override Backend Backend => _kernels;

        public override long LiveBlocks
        {
            get
            {
                _kernels.ForgetWindows();
                GC.Collect();
                GC.WaitForPendingFinalizers();
                return _kernels.Context.Pool.LiveBlocks;
            }
        }
    }

    private sealed class Use_(TestDevice device, IDisposable use) : IDisposable
    {
        public void Dispose()
        {
            use.Dispose();
            device.Return();
        }
    }
}
