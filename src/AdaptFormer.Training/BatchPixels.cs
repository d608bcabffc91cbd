using System.Buffers;
using AdaptFormer.Data;
using AdaptFormer.Tensors;

namespace AdaptFormer.Training;

/// <summary>The pixels of a loaded batch as a tensor, in place: the loader's memory is pinned, not copied.</summary>
internal sealed unsafe class BatchPixels : IDisposable
{
    private readonly MemoryHandle _pin;

    public BatchPixels(Batch batch)
    {
        _pin = batch.Pixels.Pin();
        Tensor = Tensor.Borrow((nint)_pin.Pointer, new Shape([batch.Count, .. batch.Dims]), batch);
    }

    /// <summary>[B, 3, S, S] or [B, 3, T, S, S]; not to be read after the batch went back to the loader.</summary>
    public Tensor Tensor { get; }

    public void Dispose()
    {
        Tensor.Dispose();
        _pin.Dispose();
    }
}
