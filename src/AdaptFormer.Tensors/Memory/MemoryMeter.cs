namespace AdaptFormer.Tensors.Memory;

/// <summary>Adds up what tensors would take, without taking it.</summary>
internal sealed class MemoryMeter
{
    private readonly Lock _gate = new();

    /// <summary>Bytes in use.</summary>
    public long Live { get; private set; }

    /// <summary>The highest <see cref="Live"/> so far.</summary>
    public long Peak { get; private set; }

    /// <summary>A block of <paramref name="bytes"/> came into use, or went out of it when negative.</summary>
    public void Add(long bytes)
    {
        lock (_gate)
        {
            Live += bytes;
            Peak = Math.Max(Peak, Live);
        }
    }
}
