using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Images;
using AdaptFormer.Data.Transforms;

namespace AdaptFormer.Data.Shards;

/// <summary>Makes records of items for a cache. One per thread.</summary>
/// <param name="dataset">The items.</param>
/// <param name="options">How frames are kept.</param>
internal sealed class ItemPacker(LabelledDataset dataset, PackOptions options) : IDisposable
{
    private readonly ImageBuffer _frame = new(), _small = new();
    private readonly ImageResizer _resizer = new();
    private readonly ArrayBufferWriter<byte> _frames = new();
    private readonly List<int> _ends = [];
    private JpegEncoder? _encoder;

    /// <summary>Appends an item's record.</summary>
    public byte Make(int index, ArrayBufferWriter<byte> into)
    {
        try
        {
            _frames.ResetWrittenCount();
            _ends.Clear();
            int count = dataset.FrameCount(index);
            // the last reduction is ours
            if (dataset.FrameFile(index, 0) is null) dataset.ForEachFrame(index, options.Every, 4 * options.ShortSide, Add);
            else for (int t = 0; t < count; t += options.Every) Add(dataset.FrameFile(index, t)!);
            ClipRecord.Write(into, count, _ends, _frames.WrittenSpan);
            return options.Format == PackFormat.Raw ? ItemCache.Pixels : ItemCache.Jpegs;
        }
        catch (Exception error) when (IsKept(error))
        {
            into.ResetWrittenCount();
            into.Write(Encoding.UTF8.GetBytes(ItemErrors.Reason(dataset, index, error)));
            return ItemCache.Error;
        }
    }

    public void Dispose()
    {
        _frame.Dispose();
        _small.Dispose();
        _resizer.Dispose();
        _encoder?.Dispose();
    }

    /// <summary>Whether an error is kept in place of its item: of others, such as a disk that is gone for a moment, the next run may know
    /// nothing.</summary>
    private static bool IsKept(Exception error) => ItemErrors.IsOfItem(error)
        && error is not (IOException and not (FileNotFoundException or DirectoryNotFoundException));

    /// <summary>A frame that is a file: a JPEG that is small enough stays as it is, so nothing is lost.</summary>
    private void Add(string file)
    {
        using FileBytes bytes = new(file);
        ImageDecoder.Decode(bytes.Span, _frame, file);      // damage must be noticed now, not in training
        if (options.Format == PackFormat.Raw || Math.Min(_frame.Width, _frame.Height) > options.ShortSide
            || ImageDecoder.Identify(bytes.Span, file).Format != ImageFormats.Jpeg)
        {
            Add(_frame);
            return;
        }

        _frames.Write(bytes.Span);
        _ends.Add(_frames.WrittenCount);
    }

    private void Add(ImageBuffer frame)
    {
        if (Math.Min(frame.Width, frame.Height) > options.ShortSide)
        {
            (int width, int height) = Framing.ShortSide(frame.Width, frame.Height, options.ShortSide);
            _resizer.Resize(frame, PixelBox.Of(frame), width, height, Interpolation.Bicubic, _small);
            _small.Orientation = frame.Orientation;
            frame = _small;
        }

        if (options.Format == PackFormat.Raw)
        {
            Span<byte> sides = _frames.GetSpan(ClipRecord.SidesBytes);
            BinaryPrimitives.WriteInt32LittleEndian(sides, frame.Width);
            BinaryPrimitives.WriteInt32LittleEndian(sides[4..], frame.Height | ((int)frame.Orientation << ClipRecord.OrientationShift));
            _frames.Advance(ClipRecord.SidesBytes);
            _frames.Write(frame.Pixels);
        }
        else
        {
            _encoder ??= new JpegEncoder(options.Quality);
            _encoder.Encode(frame, _frames);
        }

        _ends.Add(_frames.WrittenCount);
    }
}
