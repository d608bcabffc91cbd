using System.Globalization;
using AdaptFormer.Data.Datasets;

namespace AdaptFormer.Data.Shards;

/// <summary>
/// A copy of a data set's pictures, or of the frames of its clips, reduced and packed into shards, for training: decoding a photo at its
/// full size is most of the work of loading it, and a video must be decoded from its start by a process of its own, where a packed frame is
/// read and decoded alone. Frames are kept as they are stored, with their orientation beside them, so one cache serves whether they are
/// turned or not. Evaluation reads the items themselves.
/// </summary>
public static class ItemCache
{
    internal const byte Jpegs = 8, Pixels = 9, Error = 3;

    /// <summary>Makes a cache, or what is missing of it.</summary>
    /// <param name="dataset">The items.</param>
    /// <param name="folder">Where the cache goes.</param>
    /// <param name="options">How it is made.</param>
    /// <param name="maxBytes">Bytes that it may have.</param>
    /// <param name="progress">Told how many items of how many are done; may be null.</param>
    /// <param name="cancellation">Ends the work; what is finished stays and is not made again.</param>
    /// <returns>The cache; items that cannot be read are kept as their error.</returns>
    /// <exception cref="IOException">The disk is full, or the limit is reached.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    public static CachedDataset Build(
        LabelledDataset dataset, string folder, PackOptions options, long maxBytes = long.MaxValue, Action<int, int>? progress = null,
        CancellationToken cancellation = default)
    {
        options.Validate();
        ShardKey key = Key(dataset, options);
        new ShardBuilder(folder, key, dataset.Count, options.Tag, PerShard(dataset), maxBytes).Build(() =>
        {
            ItemPacker packer = new(dataset, options);
            return (packer.Make, packer);
        }, progress, cancellation);
        return new CachedDataset(dataset, ShardSet.Open(folder, key, dataset.Count), options.Every);
    }

    /// <summary>Opens a cache that <see cref="Build"/> completed, whichever options it was made with.</summary>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="InvalidDataException">It is not complete, damaged, or made of other items, or files were changed since.</exception>
    public static CachedDataset Open(LabelledDataset dataset, string folder)
    {
        PackOptions options = PackOptions.FromTag(ShardSet.TagOf(folder));
        if (options.Every < 1)
            throw new InvalidDataException(
                $"{folder} is no cache of this kind, or is damaged; build it again with `adaptformer data cache`.");
        return new CachedDataset(dataset, ShardSet.Open(folder, Key(dataset, options), dataset.Count), options.Every);
    }

    /// <summary>Few enough that small sets are made by all cores and an interruption costs little, many enough that large sets are not
    /// thousands of files.</summary>
    private static int PerShard(LabelledDataset dataset) => dataset.OfClips ? Math.Clamp(dataset.Count / 32, 8, 256) : 1000;

    internal static ShardKey Key(LabelledDataset dataset, PackOptions options) =>
        ShardKey.Of(
            dataset, string.Create(CultureInfo.InvariantCulture, $"{dataset.Things} as frames, as stored, {options.Tag}"),
            options.ByContent);
}
