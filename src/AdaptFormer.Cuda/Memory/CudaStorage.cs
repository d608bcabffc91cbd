using AdaptFormer.Tensors;

namespace AdaptFormer.Cuda.Memory;

/// <summary>A block of a card's memory that tensors share.</summary>
internal sealed class CudaStorage(Device device, DevicePool pool, long bytes) : Storage(device, bytes)
{
    private readonly DevicePool.Block _block = pool.Rent(bytes);

    /// <summary>Its address on the card.</summary>
    public nint Address => _block.Address;

    // On any thread, the finalizer's too: the pool makes no call of the driver here.
    protected override void Free() => pool.Return(_block);
}
