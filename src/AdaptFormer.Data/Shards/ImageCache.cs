using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace AdaptFormer.Data;

/// <summary>How a cache keeps pictures.</summary>
public enum ImageCacheFormat
{
    /// <summary>As JPEG: small; costs a second lossy compression.</summary>
    Jpeg,

    /// <summary>As pixels: no loss but the resize, nothing to decode, ten times as large.</summary>
    Raw,
}

/// <summary>How a cache is made.</summary>
/// <param name="ShortSide">Shorter side that larger pictures are reduced to, with Pillow's bicubic filter; smaller ones keep their
/// size.</param>
/// <param name="Format">How they are kept.</param>
/// <param name="Quality">JPEG quality, in [1, 100].</param>
/// <param name="ByContent">Whether the pictures are known by their whole content, and not by length and time of change; the cache then
/// survives copying, and opening it reads them all.</param>
public sealed record ImageCacheOptions(int ShortSide = 256, ImageCacheFormat Format = ImageCacheFormat.Jpeg, int Quality = 92, bool ByContent = false)
{
    /// <summary>The options as the number that a cache keeps.</summary>
    internal int Tag => (ByContent ? ContentTag : 0) | (ShortSide << 8) | (Quality << 1) | (Format == ImageCacheFormat.Raw ? 1 : 0);

    internal const int ContentTag = 1 << 30;

    internal static ImageCacheOptions FromTag(int tag) =>
        new((tag & ~ContentTag) >> 8, (tag & 1) == 1 ? ImageCacheFormat.Raw : ImageCacheFormat.Jpeg, (tag >> 1) & 127, (tag & ContentTag) != 0);
}

/// <summary>
/// A copy of a data set's pictures, reduced and packed into shards, for training: decoding a photo at its full size is most of the work of
/// loading it. Evaluation reads the pictures themselves. Pictures are kept as they are stored, with their orientation beside them, so one
/// cache serves whether they are turned or not.
/// </summary>
public static class ImageCache
{
    private const byte Jpeg = 1, Raw = 2, Error = 3;
    private const int OrientationShift = 24;      // above the height of a raw record, which has 17 bits at most

    /// <summary>Makes a cache, or what is missing of it.</summary>
    /// <param name="dataset">The pictures.</param>
    /// <param name="folder">Where the cache goes.</param>
    /// <param name="options">How it is made.</param>
    /// <param name="maxBytes">Bytes that it may have.</param>
    /// <param name="progress">Told how many pictures of how many are done; may be null.</param>
    /// <param name="cancellation">Ends the work; what is finished stays and is not made again.</param>
    /// <returns>The cache; pictures that cannot be read are kept as their error.</returns>
    /// <exception cref="IOException">The disk is full, or the limit is reached.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    public static CachedDataset Build(
        ImageDataset dataset, string folder, ImageCacheOptions options, long maxBytes = long.MaxValue, Action<int, int>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.ShortSide, 16);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.ShortSide, 4096);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Quality, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.Quality, 100);
        ShardKey key = Key(dataset, options);
        new ShardBuilder(folder, key, dataset.Count, options.Tag, maxBytes: maxBytes).Build(() =>
        {
            Maker maker = new(dataset, options);
            return (maker.Make, maker);
        }, progress, cancellation);
        return new CachedDataset(dataset, ShardSet.Open(folder, key, dataset.Count));
    }

    /// <summary>Opens a cache that <see cref="Build"/> completed, whichever options it was made with.</summary>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="InvalidDataException">It is not complete, damaged, or made of other pictures.</exception>
    public static CachedDataset Open(ImageDataset dataset, string folder) =>
        new(dataset, ShardSet.Open(folder, Key(dataset, ImageCacheOptions.FromTag(ShardSet.TagOf(folder))), dataset.Count));

    internal static void Load(ShardSet shards, int index, ImageBuffer into, ImageDataset pictures)
    {
        using ShardRecord record = shards.Read(index);
        ReadOnlySpan<byte> bytes = record.Bytes;
        switch (record.Kind)
        {
            case Jpeg:
                ImageDecoder.Decode(bytes, into);
                break;
            case Raw:
                (int width, int height) = bytes.Length < 8 ? (0, 0) : (BinaryPrimitives.ReadInt32LittleEndian(bytes), BinaryPrimitives.ReadInt32LittleEndian(bytes[4..]));
                (height, Orientation orientation) = (height & ((1 << OrientationShift) - 1), (Orientation)(height >> OrientationShift));
                if (width < 1 || height < 1 || orientation is < Orientation.Normal or > Orientation.QuarterLeft || (3L * width * height) + 8 != bytes.Length) throw shards.Damaged(index);
                into.Reset(width, height);
                into.Orientation = orientation;
                bytes[8..].CopyTo(into.Pixels);
                break;
            case Error:
                throw new InvalidDataException(Encoding.UTF8.GetString(bytes));
            default:
                throw new InvalidDataException($"{pictures.Source(index)}: its record in the cache is of an unknown kind; build the cache again.");
        }
    }

    /// <summary>Whether an error is kept in place of its item: of others, such as a disk that is gone for a moment, the next run may know
    /// nothing.</summary>
    internal static bool IsKept(Exception error) => ItemErrors.IsOfItem(error) && error is not (IOException and not (FileNotFoundException or DirectoryNotFoundException));

    internal static bool IsError(ShardSet shards, int index) => shards.Kind(index) == Error;

    private static ShardKey Key(ImageDataset dataset, ImageCacheOptions options) =>
        ShardKey.Of(dataset, string.Create(CultureInfo.InvariantCulture, $"pictures as stored {options.Tag}"), options.ByContent);

    private sealed class Maker(ImageDataset dataset, ImageCacheOptions options) : IDisposable
    {
        private readonly ImageBuffer _full = new(), _small = new();
        private readonly ImageResizer _resizer = new();
        private readonly JpegEncoder? _encoder = options.Format == ImageCacheFormat.Jpeg ? new JpegEncoder(options.Quality) : null;

        public byte Make(int index, ArrayBufferWriter<byte> into)
        {
            try
            {
                dataset.Load(index, _full);
            }
            catch (Exception error) when (IsKept(error))
            {
                into.Write(Encoding.UTF8.GetBytes(ItemErrors.Reason(dataset, index, error)));
                return Error;
            }

            ImageBuffer picture = _full;
            if (Math.Min(_full.Width, _full.Height) > options.ShortSide)
            {
                (int width, int height) = Framing.ShortSide(_full.Width, _full.Height, options.ShortSide);
                _resizer.Resize(_full, PixelBox.Of(_full), width, height, Interpolation.Bicubic, _small);
                _small.Orientation = _full.Orientation;
                picture = _small;
            }

            if (_encoder is not null)
            {
                _encoder.Encode(picture, into);
                return Jpeg;
            }

            Span<byte> start = into.GetSpan(8);
            BinaryPrimitives.WriteInt32LittleEndian(start, picture.Width);
            BinaryPrimitives.WriteInt32LittleEndian(start[4..], picture.Height | ((int)picture.Orientation << OrientationShift));
            into.Advance(8);
            into.Write(picture.Pixels);
            return Raw;
        }

        public void Dispose()
        {
            _full.Dispose();
            _small.Dispose();
            _resizer.Dispose();
            _encoder?.Dispose();
        }
    }
}
