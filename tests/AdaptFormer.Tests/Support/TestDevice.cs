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

    /// <summary>A device of the named kind; skips the test, visibly, where there can be none.</summary>
    public static TestDevice Of(string name) => name == CpuBackends.Cuda ? CudaEmulator.Take() : new Checking();

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

    private sealed class Use_(TestDevice device, IDisposable use) : IDisposable
    {
        public void Dispose()
        {
            use.Dispose();
            device.Return();
        }
    }
}
