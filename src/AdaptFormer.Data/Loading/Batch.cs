namespace AdaptFormer.Data.Loading;

/// <summary>Samples, pictures or clips, with their labels. Its memory belongs to the loader: dispose it when its values have been
/// used.</summary>
public sealed class Batch : IDisposable
{
    /// <summary>Label of a sample that could not be read; no prediction equals it.</summary>
    public const int Unreadable = -1;

    private readonly float[] _pixels, _targets;
    private readonly int[] _labels, _indices;
    private readonly Action<Batch> _recycle;
    private bool _disposed;

    internal Batch(int capacity, IReadOnlyList<int> dims, int classes, Action<Batch> recycle)
    {
        Dims = dims;
        SampleLength = dims.Aggregate(1, (a, b) => checked(a * b));
        _pixels = GC.AllocateUninitializedArray<float>(checked(capacity * SampleLength));
        (_labels, _indices, _recycle) = (new int[capacity], new int[capacity], recycle);
        (Classes, _targets) = (classes, new float[checked(capacity * classes)]);
    }

    /// <summary>Number of samples B.</summary>
    public int Count { get; private set; }

    /// <summary>Shape of each sample: [3, S, S] or [3, T, S, S].</summary>
    public IReadOnlyList<int> Dims { get; }

    /// <summary>[B, 3, S, S] or [B, 3, T, S, S], normalised.</summary>
    public Memory<float> Pixels => _pixels.AsMemory(0, Count * SampleLength);

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
        (Count, Remaining, Error, _disposed) = (count, count, null, false);
    }

    internal Span<float> Slot(int slot) => _pixels.AsSpan(slot * SampleLength, SampleLength);

    internal void SetTargets(int slot, IReadOnlyList<int> labels)
    {
        Span<float> row = _targets.AsSpan(slot * Classes, Classes);
        row.Clear();
        foreach (int label in labels) row[label] = 1;
    }

    internal void SetLabel(int slot, int index, int label) => (_indices[slot], _labels[slot]) = (index, label);
}
