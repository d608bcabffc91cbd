using AdaptFormer.Data.Transforms;
using AdaptFormer.Tensors;

namespace AdaptFormer.Data.Loading;

/// <summary>Samples, pictures or clips, with their labels. Its memory belongs to the loader: dispose it when its values have been
/// used.</summary>
public sealed class Batch : IDisposable
{
    /// <summary>Label of a sample that could not be read; no prediction equals it.</summary>
    public const int Unreadable = -1;

    private readonly byte[] _bytes = [];
    private readonly float[] _targets;
    private readonly int[] _labels, _indices;
    private readonly Action<Batch> _recycle;
    private float[] _pixels = [];
    private bool _inBytes, _disposed;

    /// <summary>Room for a batch; of 8-bit values where it is said how these become numbers.</summary>
    internal Batch(int capacity, IReadOnlyList<int> dims, int classes, PixelNormalizer? normalizer, Action<Batch> recycle)
    {
        (Dims, Normalizer) = (dims, normalizer);
        SampleLength = dims.Aggregate(1, (a, b) => checked(a * b));
        if (normalizer is null) _pixels = GC.AllocateUninitializedArray<float>(checked(capacity * SampleLength));
        else _bytes = GC.AllocateUninitializedArray<byte>(checked(capacity * SampleLength));
        (_labels, _indices, _recycle) = (new int[capacity], new int[capacity], recycle);
        (Classes, _targets) = (classes, new float[checked(capacity * classes)]);
    }

    /// <summary>Number of samples B.</summary>
    public int Count { get; private set; }

    /// <summary>Shape of each sample: [3, S, S] or [3, T, S, S].</summary>
    public IReadOnlyList<int> Dims { get; }

    /// <summary>[B, 3, S, S] or [B, 3, T, S, S], normalised; of a batch of <see cref="Bytes"/> made when it is first asked for, and from
    /// then on all that the batch holds.</summary>
    public Memory<float> Pixels
    {
        get
        {
            int length = Count * SampleLength;
            if (_inBytes)
            {
                if (_pixels.Length < length) _pixels = GC.AllocateUninitializedArray<float>(_bytes.Length);
                PixelTable.Apply(Normalizer!.Table, _bytes.AsSpan(0, length), SampleLength / 3, _pixels.AsSpan(0, length));
                _inBytes = false;
            }

            return _pixels.AsMemory(0, length);
        }
    }

    /// <summary>The same in 8 bits, not normalised, a quarter of the memory: for a device that normalises by itself. Empty where the batch
    /// was not made so.</summary>
    public ReadOnlyMemory<byte> Bytes => _inBytes ? _bytes.AsMemory(0, Count * SampleLength) : default;

    /// <summary>What makes <see cref="Pixels"/> of <see cref="Bytes"/>; null in batches without.</summary>
    public PixelNormalizer? Normalizer { get; }

    /// <summary>[B, K], 1 where a sample has the class and 0 elsewhere; empty in batches of one class a sample.</summary>
    public ReadOnlySpan<float> Targets => _targets.AsSpan(0, Count * Classes);

    /// <summary>K of <see cref="Targets"/>; 0 when there are none.</summary>
    public int Classes { get; }

    /// <summary>[B], class of each sample; <see cref="Unreadable"/> where it could not be read. 0 of every other sample when there are
    /// <see cref="Targets"/>.</summary>
    public ReadOnlySpan<int> Labels => _labels.AsSpan(0, Count);

    /// <summary>[B], number of each sample: its item's position in the data set, times the views of an item, plus the view.</summary>
    public ReadOnlySpan<int> Indices => _indices.AsSpan(0, Count);

    /// <summary>First error of a worker that filled this batch.</summary>
    internal Exception? Error { get; set; }

    /// <summary>Samples that are not finished yet.</summary>
    internal int Remaining { get; set; }

    private int SampleLength { get; }

    /// <summary>Gives the memory back to the loader; the batch must not be used afterwards.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _recycle(this);
    }

    internal void Begin(int count)
    {
        (Count, Remaining, Error, _disposed, _inBytes) = (count, count, null, false, Normalizer is not null);
    }

    internal Span<float> Slot(int slot) => _pixels.AsSpan(slot * SampleLength, SampleLength);

    internal Span<byte> ByteSlot(int slot) => _bytes.AsSpan(slot * SampleLength, SampleLength);

    internal void SetTargets(int slot, IReadOnlyList<int> labels)
    {
        Span<float> row = _targets.AsSpan(slot * Classes, Classes);
        row.Clear();
        foreach (int label in labels) row[label] = 1;
    }

    internal void SetLabel(int slot, int index, int label) => (_indices[slot], _labels[slot]) = (index, label);
}
