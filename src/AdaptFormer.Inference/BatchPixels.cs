using System.Buffers;
using AdaptFormer.Data.Loading;
using AdaptFormer.Tensors;

namespace AdaptFormer.Inference;

/// <summary>
/// The pixels of a loaded batch as a tensor; on the host in place: the loader's memory is pinned, not copied. A batch of 8-bit values is
/// normalised by the device.
/// </summary>
public sealed unsafe class BatchPixels(Batch batch) : IDisposable
{
    private MemoryHandle _pin;
    private Tensor? _tensor;

    /// <summary>[B, 3, S, S] or [B, 3, T, S, S]; not to be read after the batch went back to the loader.</summary>
    public Tensor Tensor => _tensor ??= Pinned();

    /// <inheritdoc/>
    public void Dispose()
    {
        _tensor?.Dispose();
        _pin.Dispose();
    }

    private Tensor Pinned()
    {
        Shape shape = new([batch.Count, .. batch.Dims]);
        if (!batch.Bytes.IsEmpty && Backend.Current.Device != Device.Host)
            return Tensor.OfPixels(batch.Bytes.Span, batch.Normalizer!.Table, shape);
        _pin = batch.Pixels.Pin();
        return Tensor.Borrow((nint)_pin.Pointer, shape, batch);
    }
}
