using System.Buffers.Binary;

namespace AdaptFormer.Data.Images;

/// <summary>
/// GIF: the first picture, by SkiaSharp. The container is read here, and the first picture handed on as a file of its own, so that
/// nothing after it is looked at and transparency does not hide its colours.
/// </summary>
internal sealed class GifFormat : ImageFormat
{
    // A code, longer than a byte, stands for less than 4096 pixels.
    private const int Header = 13, Descriptor = 10, MaxPixelsPerByte = 4096;

    public override string Name => "GIF";

    public override IReadOnlyList<string> Extensions { get; } = [".gif"];

    public override bool Recognises(ReadOnlySpan<byte> data) => data.StartsWith("GIF87a"u8) || data.StartsWith("GIF89a"u8);

    public override ImageInfo Identify(ReadOnlySpan<byte> data, string name)
    {
        Picture picture = Read(data, name);
        return new ImageInfo(this, picture.CanvasWidth, picture.CanvasHeight);
    }

    public override void Decode(ReadOnlySpan<byte> data, ImageBuffer into, string name)
    {
        Picture picture = Read(data, name);
        if ((long)picture.Width * picture.Height > (long)MaxPixelsPerByte * picture.Data.Length) throw ImageErrors.Truncated(name, Name);
        byte[] file = PixelMemory.Rent(picture.AloneBytes);
        try
        {
            picture.WriteAlone(file.AsSpan(0, picture.AloneBytes));
            if (picture.FillsCanvas)
            {
                SkiaPictures.Decode(file.AsSpan(0, picture.AloneBytes), into, Name, name, picture.Width, picture.Height);
                return;
            }

            using ImageBuffer frame = new();
            SkiaPictures.Decode(file.AsSpan(0, picture.AloneBytes), frame, Name, name, picture.Width, picture.Height);
            Place(frame, picture, into);
        }
        finally
        {
            PixelMemory.Return(file);
        }
    }

    /// <summary>Around the picture the canvas has its transparent colour, or its first, as in Pillow.</summary>
    private static void Place(ImageBuffer frame, Picture picture, ImageBuffer into)
    {
        into.Reset(picture.CanvasWidth, picture.CanvasHeight);
        ReadOnlySpan<byte> color = picture.Palette.Slice(Math.Min(picture.Around * 3, picture.Palette.Length - 3), 3);
        Span<byte> first = into.Row(0);
        for (int i = 0; i < first.Length; i += 3) color.CopyTo(first[i..]);
        for (int y = 1; y < into.Height; y++) first.CopyTo(into.Row(y));
        for (int y = 0; y < frame.Height; y++) frame.Row(y).CopyTo(into.Row(picture.Y + y)[(picture.X * 3)..]);
    }

    private static Picture Read(ReadOnlySpan<byte> data, string name)
    {
        if (data.Length < Header) throw ImageErrors.Truncated(name, "GIF");
        int at = Header, around = 0;
        ReadOnlySpan<byte> colors = Palette(data, ref at, data[10], name);
        while (at < data.Length)
        {
            switch (data[at])
            {
                case 0x21 when at + 2 <= data.Length:      // an extension: a label, then blocks
                    if (data[at + 1] == 0xF9 && at + 7 < data.Length && (data[at + 3] & 1) != 0) around = data[at + 6];
                    at = AfterBlocks(data, at + 2, name);
                    break;
                case 0x2C when at + Descriptor < data.Length:
                    int start = at;
                    at += Descriptor;
                    ReadOnlySpan<byte> own = Palette(data, ref at, data[start + 9], name);
                    int end = AfterBlocks(data, at + 1, name);
                    return new Picture(data, data.Slice(start, Descriptor), own.IsEmpty ? colors : own, data[at..end], around, name);
                case 0x3B:
                    throw ImageErrors.Bad(name, "the GIF has no picture.");
                default:
                    throw ImageErrors.Bad(name, $"damaged GIF data: byte {at} starts no block.");
            }
        }

        throw ImageErrors.Truncated(name, "GIF");
    }

    private static ReadOnlySpan<byte> Palette(ReadOnlySpan<byte> data, scoped ref int at, byte flags, string name)
    {
        if ((flags & 0x80) == 0) return default;
        int bytes = 3 << ((flags & 7) + 1), start = at;
        at += bytes;
        return at < data.Length ? data.Slice(start, bytes) : throw ImageErrors.Truncated(name, "GIF");
    }

    /// <summary>Skips blocks, each a length and so many bytes, to the empty one that ends them.</summary>
    private static int AfterBlocks(ReadOnlySpan<byte> data, int at, string name)
    {
        while (at < data.Length)
        {
            int length = data[at++];
            if (length == 0) return at;
            at += length;
        }

        throw ImageErrors.Truncated(name, "GIF");
    }

    /// <summary>The first picture and where it lies on the canvas.</summary>
    private readonly ref struct Picture
    {
        private static readonly byte[] Grays = [.. Enumerable.Range(0, 768).Select(i => (byte)(i / 3))];
        private readonly byte _flags;

        public Picture(
            ReadOnlySpan<byte> file, ReadOnlySpan<byte> descriptor, ReadOnlySpan<byte> palette, ReadOnlySpan<byte> data, int around,
            string name)
        {
            Palette = palette.IsEmpty ? Grays : palette;
            Data = data;
            (Around, _flags) = (around, descriptor[9]);
            (X, Y, Width, Height) = (Word(descriptor[1..]), Word(descriptor[3..]), Word(descriptor[5..]), Word(descriptor[7..]));
            (CanvasWidth, CanvasHeight) = (Math.Max(Word(file[6..]), X + Width), Math.Max(Word(file[8..]), Y + Height));
            ImageErrors.CheckSize(name, "GIF", Width, Height);
            ImageErrors.CheckSize(name, "GIF", CanvasWidth, CanvasHeight);
        }

        public ReadOnlySpan<byte> Palette { get; }

        /// <summary>The length of the first codes, then blocks of codes with the empty one that ends them.</summary>
        public ReadOnlySpan<byte> Data { get; }

        /// <summary>Colour of the canvas around the picture.</summary>
        public int Around { get; }

        public int X { get; }

        public int Y { get; }

        public int Width { get; }

        public int Height { get; }

        public int CanvasWidth { get; }

        public int CanvasHeight { get; }

        public bool FillsCanvas => Width == CanvasWidth && Height == CanvasHeight;

        public int AloneBytes => Header + Palette.Length + Descriptor + Data.Length + 1;

        /// <summary>Writes a file of this picture alone, which fills its canvas and has no transparent colour.</summary>
        public void WriteAlone(Span<byte> file)
        {
            file.Clear();
            "GIF89a"u8.CopyTo(file);
            BinaryPrimitives.WriteUInt16LittleEndian(file[6..], (ushort)Width);
            BinaryPrimitives.WriteUInt16LittleEndian(file[8..], (ushort)Height);
            file[10] = (byte)(0x80 | (int.Log2(Palette.Length / 3) - 1));
            Palette.CopyTo(file[Header..]);
            Span<byte> descriptor = file[(Header + Palette.Length)..];
            descriptor[0] = 0x2C;
            BinaryPrimitives.WriteUInt16LittleEndian(descriptor[5..], (ushort)Width);
            BinaryPrimitives.WriteUInt16LittleEndian(descriptor[7..], (ushort)Height);
            descriptor[9] = (byte)(_flags & 0x40);      // interlaced or not
            Data.CopyTo(descriptor[Descriptor..]);
            file[^1] = 0x3B;
        }

        private static int Word(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt16LittleEndian(bytes);
    }
}
