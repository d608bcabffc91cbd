namespace AdaptFormer.Data;

/// <summary>A data set whose pictures come from a cache. Its shards are open until it is disposed.</summary>
public sealed class CachedDataset : ImageDataset, IDisposable
{
    private readonly ImageDataset _inner;
    private readonly ShardSet _shards;

    internal CachedDataset(ImageDataset inner, ShardSet shards) => (_inner, _shards) = (inner, shards);

    /// <inheritdoc/>
    public override string Name => _inner.Name;

    /// <inheritdoc/>
    public override int Count => _inner.Count;

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames => _inner.ClassNames;

    /// <summary>Bytes of the cache on disk.</summary>
    public long Bytes => _shards.Bytes;

    /// <summary>Pictures that could not be read when the cache was made.</summary>
    public IEnumerable<int> Unreadable => Enumerable.Range(0, Count).Where(index => ImageCache.IsError(_shards, index));

    /// <inheritdoc/>
    public override bool MultiLabel => _inner.MultiLabel;

    /// <inheritdoc/>
    public override IReadOnlyList<int> Labels(int index) => _inner.Labels(index);

    /// <inheritdoc/>
    public override int Label(int index) => _inner.Label(index);

    /// <inheritdoc/>
    public override string Source(int index) => _inner.Source(index);

    /// <inheritdoc/>
    public override string FileOf(int index) => _shards.FileOf(index);

    /// <inheritdoc/>
    public override void Load(int index, ImageBuffer into) => ImageCache.Load(_shards, index, into, _inner);

    /// <inheritdoc/>
    public void Dispose() => _shards.Dispose();
}
