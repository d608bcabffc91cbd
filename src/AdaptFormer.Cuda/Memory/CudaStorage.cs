using AdaptFormer.Tensors;

namespace AdaptFormer.Cuda.Memory;

/// <summary>
/// A block of a card's memory that tensors share. One with a filling takes its memory when its address is first asked for: a frozen weight
/// whose bf16 copy is all that products read never does.
/// </summary>
/// <param name="device">The card.</param>
/// <param name="pool">Where blocks come from.</param>
/// <param name="bytes">How much.</param>
/// <param name="fill">Puts the contents at an address, in the kernels' stream; null where they are undefined and the memory is taken
/// now.</param>
internal sealed class CudaStorage(Device device, DevicePool pool, long bytes, Action<nint>? fill = null) : Storage(device, bytes)
{
    private readonly Lock _gate = new();
    private DevicePool.Block _block = fill is null ? pool.Rent(bytes) : default;
    private int _taken = fill is null ? 1 : 0;

    /// <summary>Whether the memory has not been taken yet.</summary>
    public bool IsLater => Volatile.Read(ref _taken) == 0;

    /// <summary>Its address on the card.</summary>
    public nint Address
    {
        get
        {
            if (!IsLater) return _block.Address;
            lock (_gate)
            {
                if (!IsLater) return _block.Address;
                _block = pool.Rent(Bytes);
                fill!(_block.Address);
                Volatile.Write(ref _taken, 1);
                return _block.Address;
            }
        }
    }

    /// <summary>Puts the contents elsewhere.</summary>
    public void FillAt(nint address) => fill!(address);

    // On any thread, the finalizer's too: the pool makes no call of the driver here.
    protected override void Free()
    {
        if (!IsLater) pool.Return(_block);
    }
}
