using System.Buffers.Binary;

namespace AdaptFormer.Data.Images;

/// <summary>The IHDR chunk: size, how samples are stored, and whether rows come in Adam7 order.</summary>
internal readonly record struct PngHeader(int Width, int Height, int BitDepth, PngColor Color, bool Interlaced)
{
    /// <summary>The eight bytes that every PNG begins with.</summary>
    public static ReadOnlySpan<byte> Signature => [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A];

    /// <summary>Samples per pixel in the file.</summary>
    public int Channels => Color switch { PngColor.Rgb => 3, PngColor.GrayAlpha => 2, PngColor.Rgba => 4, _ => 1 };

    /// <summary>Bytes of a row of <paramref name="width"/> pixels, without its filter byte.</summary>
    public int RowBytes(int width) => ((width * Channels * BitDepth) + 7) / 8;

    /// <summary>Distance in bytes between a sample and the one left of it, for the filters; at least 1.</summary>
    public int FilterStep => Math.Max(1, Channels * BitDepth / 8);

    /// <exception cref="InvalidDataException">The header is missing, contradicts the standard, or gives too large a size.</exception>
    public static PngHeader Read(ReadOnlySpan<byte> data, string name)
    {
        if (!data.StartsWith(Signature)) throw ImageErrors.Bad(name, "the PNG signature is damaged (was the file converted as text?).");
        if (data.Length < 33 || !data.Slice(12, 4).SequenceEqual("IHDR"u8) || BinaryPrimitives.ReadUInt32BigEndian(data[8..]) != 13)
            throw ImageErrors.Bad(name, "the PNG does not begin with an IHDR chunk of 13 bytes.");
        if (Crc32.Append(0, data.Slice(12, 17)) != BinaryPrimitives.ReadUInt32BigEndian(data[29..]))
            throw ImageErrors.Bad(name, "the checksum of chunk IHDR does not match: the file is damaged.");

        ReadOnlySpan<byte> ihdr = data.Slice(16, 13);
        ImageErrors.CheckSize(name, "PNG", BinaryPrimitives.ReadUInt32BigEndian(ihdr), BinaryPrimitives.ReadUInt32BigEndian(ihdr[4..]));
        (int depth, int color, int interlace) = (ihdr[8], ihdr[9], ihdr[12]);
        bool known = color switch
        {
            0 => depth is 1 or 2 or 4 or 8 or 16,
            3 => depth is 1 or 2 or 4 or 8,
            2 or 4 or 6 => depth is 8 or 16,
            _ => false,
        };
        if (!known) throw ImageErrors.Bad(name, $"PNG colour type {color} with bit depth {depth} does not exist.");
        if (ihdr[10] != 0 || ihdr[11] != 0 || interlace > 1)
        {
            throw ImageErrors.Bad(name, $"unknown PNG compression {ihdr[10]}, filter {ihdr[11]} or interlace method {interlace}; "
                + "only 0, 0 and 0 or 1 exist.");
        }

        (int width, int height) = (BinaryPrimitives.ReadInt32BigEndian(ihdr), BinaryPrimitives.ReadInt32BigEndian(ihdr[4..]));
        return new PngHeader(width, height, depth, (PngColor)color, interlace == 1);
    }
}

/// <summary>What the samples of a PNG pixel mean.</summary>
internal enum PngColor
{
    Gray = 0,
    Rgb = 2,
    Palette = 3,
    GrayAlpha = 4,
    Rgba = 6,
}
