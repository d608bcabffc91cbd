using System.Buffers.Binary;

namespace AdaptFormer.Data.Images;

/// <summary>
/// WebP: by libwebp where it is installed, else by SkiaSharp, which carries the same library. The container is read here. Of an
/// animation the first frame is decoded, on a black canvas, as Pillow does.
/// </summary>
internal sealed class WebPFormat : ImageFormat
{
    private const int FileHeader = 12, ChunkHeader = 8, FrameHeader = 16, CanvasHeader = 10;

    public override string Name => "WebP";

    public override IReadOnlyList<string> Extensions { get; } = [".webp"];

    public override bool Recognises(ReadOnlySpan<byte> data) =>
        data.Length >= FileHeader && data.StartsWith("RIFF"u8) && data.Slice(8, 4).SequenceEqual("WEBP"u8);

    public override ImageInfo Identify(ReadOnlySpan<byte> data, string name)
    {
        Picture picture = Read(data, name);
        return new ImageInfo(this, picture.CanvasWidth, picture.CanvasHeight);
    }

    public override void Decode(ReadOnlySpan<byte> data, ImageBuffer into, string name) =>
        Decode(data, into, name, NativeImageLibraries.HasWebP);

    public override Orientation ReadOrientation(ReadOnlySpan<byte> data) => Exif.Read(Chunk(data[FileHeader..], "EXIF"u8));

    /// <summary>Decodes with libwebp or without.</summary>
    internal static void Decode(ReadOnlySpan<byte> data, ImageBuffer into, string name, bool libwebp)
    {
        Picture picture = Read(data, name);
        if (picture.FillsCanvas)
        {
            Decode(picture, into, name, libwebp);
            return;
        }

        using ImageBuffer frame = new();
        Decode(picture, frame, name, libwebp);      // before memory is taken for the canvas, whose size is but a number in the file
        into.Reset(picture.CanvasWidth, picture.CanvasHeight);
        into.Pixels.Clear();
        for (int y = 0; y < frame.Height; y++) frame.Row(y).CopyTo(into.Row(picture.Y + y)[(picture.X * 3)..]);
    }

    private static void Decode(Picture picture, ImageBuffer into, string name, bool libwebp)
    {
        if (libwebp)
        {
            into.Reset(picture.Width, picture.Height);
            LibWebP.Decode(picture.Payload, into, name);
            return;
        }

        int length = FileHeader + ChunkHeader + picture.Payload.Length + (picture.Payload.Length & 1);
        byte[] file = PixelMemory.Rent(length);
        try
        {
            picture.WriteAlone(file.AsSpan(0, length));
            SkiaPictures.Decode(file.AsSpan(0, length), into, "WebP", name, picture.Width, picture.Height);
        }
        finally
        {
            PixelMemory.Return(file);
        }
    }

    private static Picture Read(ReadOnlySpan<byte> data, string name)
    {
        ReadOnlySpan<byte> chunks = data[FileHeader..];
        ReadOnlySpan<byte> canvas = Chunk(chunks, "VP8X"u8), frame = Chunk(chunks, "ANMF"u8), within = frame.IsEmpty ? chunks : frame;
        if (!frame.IsEmpty && frame.Length < FrameHeader) throw ImageErrors.Bad(name, "the first animation frame is truncated.");
        if (!frame.IsEmpty) within = frame[FrameHeader..];
        bool lossless = Chunk(within, "VP8 "u8).IsEmpty;
        ReadOnlySpan<byte> payload = Chunk(within, lossless ? "VP8L"u8 : "VP8 "u8);
        (int width, int height) = Size(payload, lossless);
        if (width == 0) throw ImageErrors.Bad(name, "there is no whole picture in the WebP file: it is truncated or damaged.");

        Picture picture = new(payload, lossless, width, height, width, height, 0, 0);
        if (canvas.Length >= CanvasHeader)
        {
            (int x, int y) = frame.IsEmpty ? (0, 0) : (Int24(frame) * 2, Int24(frame[3..]) * 2);
            picture = new(payload, lossless, width, height, Int24(canvas[4..]) + 1, Int24(canvas[7..]) + 1, x, y);
        }

        ImageErrors.CheckSize(name, "WebP", picture.CanvasWidth, picture.CanvasHeight);
        if (frame.IsEmpty && !picture.FillsCanvas)
            throw ImageErrors.Bad(
                name, $"damaged WebP header: it gives {picture.CanvasWidth}x{picture.CanvasHeight} and {width}x{height} pixels.");
        if (!frame.IsEmpty && (Int24(frame[6..]) + 1 != width || Int24(frame[9..]) + 1 != height))
            throw ImageErrors.Bad(name, "the first animation frame holds no picture of the size that it announces.");
        if (picture.X + width > picture.CanvasWidth || picture.Y + height > picture.CanvasHeight)
            throw ImageErrors.Bad(
                name, $"the first animation frame ({width}x{height} at {picture.X},{picture.Y}) lies outside the "
                    + $"{picture.CanvasWidth}x{picture.CanvasHeight} canvas.");
        return picture;
    }

    /// <summary>Size of the picture in a chunk; 0 if its start is damaged.</summary>
    private static (int Width, int Height) Size(ReadOnlySpan<byte> payload, bool lossless)
    {
        if (lossless)
        {
            if (payload.Length < 5 || payload[0] != 0x2F) return default;
            uint bits = BinaryPrimitives.ReadUInt32LittleEndian(payload[1..]);
            return ((int)(bits & 0x3FFF) + 1, (int)((bits >> 14) & 0x3FFF) + 1);
        }

        if (payload.Length < 10 || !payload.Slice(3, 3).SequenceEqual((ReadOnlySpan<byte>)[0x9D, 0x01, 0x2A])) return default;
        int width = BinaryPrimitives.ReadUInt16LittleEndian(payload[6..]) & 0x3FFF,
            height = BinaryPrimitives.ReadUInt16LittleEndian(payload[8..]) & 0x3FFF;
        return height == 0 ? default : (width, height);
    }

    /// <summary>The payload of the first chunk called <paramref name="id"/>; empty if there is no whole one.</summary>
    private static ReadOnlySpan<byte> Chunk(ReadOnlySpan<byte> chunks, ReadOnlySpan<byte> id)
    {
        while (chunks.Length >= ChunkHeader)
        {
            uint size = BinaryPrimitives.ReadUInt32LittleEndian(chunks[4..]);
            if (size > chunks.Length - ChunkHeader) return default;
            if (chunks[..4].SequenceEqual(id)) return chunks.Slice(ChunkHeader, (int)size);
            long next = ChunkHeader + size + (size & 1);
            if (next > chunks.Length) return default;
            chunks = chunks[(int)next..];
        }

        return default;
    }

    private static int Int24(ReadOnlySpan<byte> bytes) => bytes[0] | (bytes[1] << 8) | (bytes[2] << 16);

    /// <summary>The picture, or the first frame, and where it lies on the canvas.</summary>
    private readonly ref struct Picture(
        ReadOnlySpan<byte> payload, bool lossless, int width, int height, int canvasWidth, int canvasHeight, int x, int y)
    {
        public ReadOnlySpan<byte> Payload { get; } = payload;

        public int Width { get; } = width;

        public int Height { get; } = height;

        public int CanvasWidth { get; } = canvasWidth;

        public int CanvasHeight { get; } = canvasHeight;

        public int X { get; } = x;

        public int Y { get; } = y;

        public bool FillsCanvas => Width == CanvasWidth && Height == CanvasHeight;

        /// <summary>Writes a file of this picture alone, without transparency, profile and other frames.</summary>
        public void WriteAlone(Span<byte> file)
        {
            "RIFF"u8.CopyTo(file);
            BinaryPrimitives.WriteInt32LittleEndian(file[4..], file.Length - 8);
            "WEBP"u8.CopyTo(file[8..]);
            (lossless ? "VP8L"u8 : "VP8 "u8).CopyTo(file[FileHeader..]);
            BinaryPrimitives.WriteInt32LittleEndian(file[(FileHeader + 4)..], Payload.Length);
            Payload.CopyTo(file[(FileHeader + ChunkHeader)..]);
            if ((Payload.Length & 1) != 0) file[^1] = 0;
        }
    }
}
