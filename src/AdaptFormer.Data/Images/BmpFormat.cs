using System.Buffers.Binary;
using System.Numerics;

namespace AdaptFormer.Data.Images;

/// <summary>
/// Windows bitmaps: 1, 4 and 8 bits with palette, 16, 24 and 32 bits, also with channel masks; run-length encoded ones by SkiaSharp.
/// </summary>
internal sealed class BmpFormat : ImageFormat
{
    private const int Uncompressed = 0, RunLength8 = 1, RunLength4 = 2, BitFields = 3, AlphaBitFields = 6;

    // Two bytes are a run of at most 255 pixels; what is left out, and stays black, may be a few times as much.
    private const int MaxRun = 1024;

    public override string Name => "BMP";

    public override IReadOnlyList<string> Extensions { get; } = [".bmp", ".dib"];

    public override bool Recognises(ReadOnlySpan<byte> data) => data.StartsWith("BM"u8);

    public override ImageInfo Identify(ReadOnlySpan<byte> data, string name)
    {
        Header header = ReadHeader(data, name);
        return new ImageInfo(this, header.Width, header.Height);
    }

    public override void Decode(ReadOnlySpan<byte> data, ImageBuffer into, string name)
    {
        Header header = ReadHeader(data, name);
        if (header.RunLength)
        {
            if ((long)header.Width * header.Height > (long)MaxRun * data.Length)
                throw ImageErrors.Bad(name,
                    $"the BMP is truncated: {data.Length} bytes are too few for {header.Width} x {header.Height} pixels.");
            SkiaPictures.Decode(data, into, Name, name, header.Width, header.Height);
            return;
        }

        long stride = (((long)header.Width * header.Bits) + 31) / 32 * 4;
        if (header.PixelOffset + (stride * header.Height) > data.Length)
        {
            throw ImageErrors.Bad(name, $"the BMP is truncated: {header.Height} rows of {stride} bytes from byte {header.PixelOffset} on "
                + $"need {header.PixelOffset + (stride * header.Height)} bytes, the file has {data.Length}.");
        }

        into.Reset(header.Width, header.Height);
        for (int y = 0; y < header.Height; y++)
        {
            ReadOnlySpan<byte> row = data.Slice((int)(header.PixelOffset + (stride * y)), (int)stride);
            Span<byte> rgb = into.Row(header.TopDown ? y : header.Height - 1 - y);
            if (header.Bits <= 8)
                FromPalette(row, header, data, rgb, name);
            else if (header.Bits == 24)
                FromBgr(row, rgb);
            else
                FromMasks(row, header, rgb);
        }
    }

    private static void FromBgr(ReadOnlySpan<byte> row, Span<byte> rgb)
    {
        for (int i = 0; i < rgb.Length; i += 3) (rgb[i], rgb[i + 1], rgb[i + 2]) = (row[i + 2], row[i + 1], row[i]);
    }

    private static void FromPalette(ReadOnlySpan<byte> row, Header header, ReadOnlySpan<byte> data, Span<byte> rgb, string name)
    {
        int entry = header.PaletteEntryBytes;
        for (int x = 0; x < header.Width; x++)
        {
            int bit = x * header.Bits;
            int index = (row[bit >> 3] >> (8 - header.Bits - (bit & 7))) & ((1 << header.Bits) - 1);
            if (index >= header.Colors) throw ImageErrors.Bad(name, $"a pixel uses colour {index}; the BMP's palette has {header.Colors}.");
            ReadOnlySpan<byte> bgr = data.Slice(header.PaletteOffset + (index * entry), 3);
            (rgb[x * 3], rgb[(x * 3) + 1], rgb[(x * 3) + 2]) = (bgr[2], bgr[1], bgr[0]);
        }
    }

    private static void FromMasks(ReadOnlySpan<byte> row, Header header, Span<byte> rgb)
    {
        for (int x = 0; x < header.Width; x++)
        {
            uint pixel = header.Bits == 16
                ? BinaryPrimitives.ReadUInt16LittleEndian(row[(x * 2)..])
                : BinaryPrimitives.ReadUInt32LittleEndian(row[(x * 4)..]);
            rgb[x * 3] = Channel(pixel, header.Red);
            rgb[(x * 3) + 1] = Channel(pixel, header.Green);
            rgb[(x * 3) + 2] = Channel(pixel, header.Blue);
        }
    }

    private static byte Channel(uint pixel, uint mask)
    {
        if (mask == 0) return 0;
        int shift = BitOperations.TrailingZeroCount(mask);
        return (byte)((ulong)((pixel & mask) >> shift) * 255 / (mask >> shift));
    }

    private static Header ReadHeader(ReadOnlySpan<byte> data, string name)
    {
        if (data.Length < 26) throw ImageErrors.Bad(name, "the BMP header is truncated.");
        uint pixelOffset = BinaryPrimitives.ReadUInt32LittleEndian(data[10..]), size = BinaryPrimitives.ReadUInt32LittleEndian(data[14..]);
        bool core = size == 12;      // the OS/2 1.x header: 16-bit sizes, palette of 3 bytes a colour
        if (!core && (size is < 40 or > 124 || data.Length < 14 + size))
            throw ImageErrors.Bad(name, $"a BMP header of {size} bytes is not known or truncated.");

        long width = core ? BinaryPrimitives.ReadUInt16LittleEndian(data[18..]) : BinaryPrimitives.ReadInt32LittleEndian(data[18..]);
        long height = core ? BinaryPrimitives.ReadUInt16LittleEndian(data[20..]) : BinaryPrimitives.ReadInt32LittleEndian(data[22..]);
        int bits = BinaryPrimitives.ReadUInt16LittleEndian(data[(core ? 24 : 28)..]);
        int compression = core ? Uncompressed : BinaryPrimitives.ReadInt32LittleEndian(data[30..]);
        bool topDown = height < 0;
        ImageErrors.CheckSize(name, "BMP", width, Math.Abs(height));
        bool runLength = !topDown && (compression, bits) is (RunLength8, 8) or (RunLength4, 4);
        bool masks = compression is BitFields or AlphaBitFields && bits is 16 or 32;
        if (bits is not (1 or 4 or 8 or 16 or 24 or 32) || (compression != Uncompressed && !masks && !runLength))
            throw ImageErrors.Bad(
                name, $"BMP with {bits} bits and compression {compression} is not read; save it without compression, or as PNG.");

        (uint red, uint green, uint blue) = bits == 16 ? (0x7C00u, 0x3E0u, 0x1Fu) : (0xFF0000u, 0xFF00u, 0xFFu);
        if (masks)
        {
            if (data.Length < 66) throw ImageErrors.Bad(name, "the BMP's channel masks are missing: the file is truncated.");
            red = BinaryPrimitives.ReadUInt32LittleEndian(data[54..]);
            green = BinaryPrimitives.ReadUInt32LittleEndian(data[58..]);
            blue = BinaryPrimitives.ReadUInt32LittleEndian(data[62..]);
        }

        int colors = 0, palette = 14 + (int)size, entry = core ? 3 : 4;
        if (bits <= 8)
        {
            uint given = core ? 0 : BinaryPrimitives.ReadUInt32LittleEndian(data[46..]);
            colors = given == 0 || given > 1u << bits ? 1 << bits : (int)given;
            if (palette + (colors * entry) > data.Length) throw ImageErrors.Bad(name, "the BMP's palette is truncated.");
        }

        return new Header(
            (int)width, (int)Math.Abs(height), topDown, runLength, bits, pixelOffset, palette, entry, colors, red, green, blue);
    }

    private readonly record struct Header(
        int Width, int Height, bool TopDown, bool RunLength, int Bits, uint PixelOffset, int PaletteOffset, int PaletteEntryBytes,
            int Colors, uint Red, uint Green, uint Blue);
}
