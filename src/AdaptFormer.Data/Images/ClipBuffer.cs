namespace AdaptFormer.Data.Images;

/// <summary>The frames of a clip, in order. Memory only grows, so one buffer serves any number of clips; not safe for two threads at
/// once.</summary>
public sealed class ClipBuffer : IDisposable
{
    private readonly List<ImageBuffer> _frames = [];

    /// <summary>Number of frames T.</summary>
    public int Count { get; private set; }

    /// <summary>A frame.</summary>
    /// <param name="t">Its position, in [0, <see cref="Count"/>).</param>
    public ImageBuffer this[int t]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)t, (uint)Count, nameof(t));
            return _frames[t];
        }
    }

    /// <summary>Makes room for <paramref name="count"/> frames of undefined size and content.</summary>
    public void Reset(int count)
    {
        while (_frames.Count < count) _frames.Add(new ImageBuffer());
        Count = count;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (ImageBuffer frame in _frames) frame.Dispose();
        _frames.Clear();
        Count = 0;
    }
}
