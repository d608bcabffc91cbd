using System.Buffers;
using System.Globalization;
using System.Text;

namespace AdaptFormer.Data;

/// <summary>How a cache keeps clips.</summary>
/// <param name="ShortSide">Shorter side that larger frames are reduced to, with a bicubic filter; smaller ones keep their size.</param>
/// <param name="Quality">JPEG quality of frames that are not JPEG already, in [1, 100].</param>
/// <param name="Every">Distance of the frames that are kept, in [1, 255]: those between them are shown by the one before.</param>
/// <param name="ByContent">Whether the clips are known by their whole content, and not by length and time of change; the cache then
/// survives copying, and opening it reads them all.</param>
public sealed record ClipCacheOptions(int ShortSide = 256, int Quality = 92, int Every = 1, bool ByContent = false)
{
    /// <summary>The options as the number that a cache keeps.</summary>
    internal int Tag => (ByContent ? ImageCacheOptions.ContentTag : 0) | (ShortSide << 16) | (Every << 8) | Quality;

    internal static ClipCacheOptions FromTag(int tag) =>
        new((tag & ~ImageCacheOptions.ContentTag) >> 16, tag & 255, (tag >> 8) & 255, (tag & ImageCacheOptions.ContentTag) != 0);

    /// <exception cref="ArgumentOutOfRangeException">A value is out of range.</exception>
    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(ShortSide, 16);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(ShortSide, 4096);
        ArgumentOutOfRangeException.ThrowIfLessThan(Quality, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Quality, 100);
        ArgumentOutOfRangeException.ThrowIfLessThan(Every, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Every, 255);
    }
}

/// <summary>
/// A copy of a data set's clips as JPEG frames packed into shards, for training: a frame is read and decoded alone, where a video must be
/// decoded from its start by a
/// process of its own. Evaluation reads the clips themselves. Frames are kept as they are stored, with their orientation beside them.
/// </summary>
public static class ClipCache
{
    internal const byte Frames = 8, Error = 3;

    /// <summary>Makes a cache, or what is missing of it.</summary>
    /// <param name="dataset">The clips.</param>
    /// <param name="folder">Where the cache goes.</param>
    /// <param name="options">How it is made.</param>
    /// <param name="maxBytes">Bytes that it may have.</param>
    /// <param name="progress">Told how many clips of how many are done; may be null.</param>
    /// <param name="cancellation">Ends the work; what is finished stays and is not made again.</param>
    /// <returns>The cache; clips that cannot be read are kept as their error.</returns>
    /// <exception cref="IOException">The disk is full, or the limit is reached.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    public static CachedClipDataset Build(
        ClipDataset dataset, string folder, ClipCacheOptions options, long maxBytes = long.MaxValue, Action<int, int>? progress = null, CancellationToken cancellation = default)
    {
        options.Validate();
        ShardKey key = Key(dataset, options);
        new ShardBuilder(folder, key, dataset.Count, options.Tag, PerShard(dataset.Count), maxBytes).Build(() =>
        {
            ClipPacker packer = new(dataset, options);
            return (packer.Make, packer);
        }, progress, cancellation);
        return new CachedClipDataset(dataset, ShardSet.Open(folder, key, dataset.Count), options.Every);
    }

    /// <summary>Opens a cache that <see cref="Build"/> completed, whichever options it was made with.</summary>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="InvalidDataException">It is not complete, damaged, or made of other clips.</exception>
    public static CachedClipDataset Open(ClipDataset dataset, string folder)
    {
        ClipCacheOptions options = ClipCacheOptions.FromTag(ShardSet.TagOf(folder));
        return new CachedClipDataset(dataset, ShardSet.Open(folder, Key(dataset, options), dataset.Count), options.Every);
    }

    /// <summary>Few enough that small sets are made by all cores and an interruption costs little, many enough that large sets are not
    /// thousands of files.</summary>
    private static int PerShard(int count) => Math.Clamp(count / 32, 8, 256);

    private static ShardKey Key(ClipDataset dataset, ClipCacheOptions options) =>
        ShardKey.Of(dataset, string.Create(CultureInfo.InvariantCulture, $"clips as stored {options.Tag}"), options.ByContent);
}

/// <summary>Makes records of clips. One per thread.</summary>
/// <param name="dataset">The clips.</param>
/// <param name="options">How frames are kept.</param>
internal sealed class ClipPacker(ClipDataset dataset, ClipCacheOptions options) : IDisposable
{
    private readonly ImageBuffer _frame = new(), _small = new();
    private readonly ImageResizer _resizer = new();
    private readonly ArrayBufferWriter<byte> _frames = new();
    private readonly List<int> _ends = [];
    private JpegEncoder? _encoder;

    /// <summary>Appends a clip's record.</summary>
    public byte Make(int index, ArrayBufferWriter<byte> into)
    {
        try
        {
            _frames.ResetWrittenCount();
            _ends.Clear();
            int count = dataset.FrameCount(index);
            if (dataset.FrameFile(index, 0) is null) dataset.ForEachFrame(index, options.Every, 4 * options.ShortSide, Encode);      // as training reads them: the last step is ours
            else for (int t = 0; t < count; t += options.Every) Add(dataset.FrameFile(index, t)!);
            ClipRecord.Write(into, count, _ends, _frames.WrittenSpan);
            return ClipCache.Frames;
        }
        catch (Exception error) when (ImageCache.IsKept(error))
        {
            into.ResetWrittenCount();
            into.Write(Encoding.UTF8.GetBytes(ItemErrors.Reason(dataset, index, error)));
            return ClipCache.Error;
        }
    }

    public void Dispose()
    {
        _frame.Dispose();
        _small.Dispose();
        _resizer.Dispose();
        _encoder?.Dispose();
    }

    /// <summary>A frame that is a file: a JPEG that is small enough stays as it is, so nothing is lost.</summary>
    private void Add(string file)
    {
        using FileBytes bytes = new(file);
        ImageDecoder.Decode(bytes.Span, _frame, file);      // damage must be noticed now, not in training
        if (Math.Min(_frame.Width, _frame.Height) > options.ShortSide || ImageDecoder.Identify(bytes.Span, file).Format != ImageFormats.Jpeg)
        {
            Encode(_frame);
            return;
        }

        _frames.Write(bytes.Span);
        _ends.Add(_frames.WrittenCount);
    }

    private void Encode(ImageBuffer frame)
    {
        if (Math.Min(frame.Width, frame.Height) > options.ShortSide)
        {
            (int width, int height) = Framing.ShortSide(frame.Width, frame.Height, options.ShortSide);
            _resizer.Resize(frame, PixelBox.Of(frame), width, height, Interpolation.Bicubic, _small);
            _small.Orientation = frame.Orientation;
            frame = _small;
        }

        _encoder ??= new JpegEncoder(options.Quality);
        _encoder.Encode(frame, _frames);
        _ends.Add(_frames.WrittenCount);
    }
}
