namespace AdaptFormer.Data;

/// <summary>Transformed pictures with their labels. Its memory belongs to the loader: dispose it when its values have been used.</summary>
public sealed class Batch : IDisposable
{
    /// <summary>Label of a picture that could not be read; no prediction equals it.</summary>
    public const int Unreadable = -1;

    private readonly float[] _pixels;
    private readonly int[] _labels, _indices;
    private readonly Action<Batch> _recycle;
    private bool _disposed;

    internal Batch(int capacity, int imgSize, Action<Batch> recycle)
    {
        ImgSize = imgSize;
        _pixels = GC.AllocateUninitializedArray<float>(checked(capacity * SampleLength));
        (_labels, _indices, _recycle) = (new int[capacity], new int[capacity], recycle);
    }

    /// <summary>Number of pictures B.</summary>
    public int Count { get; private set; }

    /// <summary>Side S of each picture.</summary>
    public int ImgSize { get; }

    /// <summary>[B, 3, S, S], normalised.</summary>
    public Memory<float> Pixels => _pixels.AsMemory(0, Count * SampleLength);

    /// <summary>[B], class of each picture; <see cref="Unreadable"/> where it could not be read.</summary>
    public ReadOnlySpan<int> Labels => _labels.AsSpan(0, Count);

    /// <summary>[B], position of each picture in the data set.</summary>
    public ReadOnlySpan<int> Indices => _indices.AsSpan(0, Count);

    /// <summary>First error of a worker that filled this batch.</summary>
    internal Exception? Error { get; set; }

    /// <summary>Samples that are not finished yet.</summary>
    internal int Remaining { get; set; }

    private int SampleLength => 3 * ImgSize * ImgSize;

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

    internal void SetLabel(int slot, int index, int label) => (_indices[slot], _labels[slot]) = (index, label);
}
