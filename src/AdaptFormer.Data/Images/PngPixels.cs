namespace AdaptFormer.Data.Images;

/// <summary>Widens the samples of a row, as PNG and TIFF pack them, to RGB.</summary>
internal static class PngPixels
{
    /// <summary>
    /// Converts <paramref name="width"/> pixels and writes them <paramref name="pitch"/> bytes apart (more than 3 in an Adam7 pass).
    /// </summary>
    /// <returns>False if a palette index has no colour.</returns>
    public static bool ToRgb(ReadOnlySpan<byte> row, int width, PngHeader header, ReadOnlySpan<byte> palette, Span<byte> rgb, int pitch)
    {
        if (header is { Color: PngColor.Rgb, BitDepth: 8 } && pitch == 3)
        {
            row[..(width * 3)].CopyTo(rgb);
            return true;
        }

        if (header.Color == PngColor.Palette) return FromPalette(row, width, header.BitDepth, palette, rgb, pitch);
        if (header.BitDepth < 8)
            FromPackedGray(row, width, header.BitDepth, rgb, pitch);
        else
            FromBytes(row, width, header.Channels, header.BitDepth / 8, rgb, pitch);
        return true;
    }

    /// <summary>8 or 16 bits a sample: the first (high) byte of each is kept, alpha is left out.</summary>
    public static void FromBytes(ReadOnlySpan<byte> row, int width, int channels, int bytes, Span<byte> rgb, int pitch)
    {
        int step = channels * bytes, green = channels > 2 ? bytes : 0;
        for (int x = 0, i = 0, o = 0; x < width; x++, i += step, o += pitch)
        {
            rgb[o] = row[i];
            rgb[o + 1] = row[i + green];
            rgb[o + 2] = row[i + green + green];
        }
    }

    public static void FromPackedGray(ReadOnlySpan<byte> row, int width, int depth, Span<byte> rgb, int pitch)
    {
        int scale = 255 / ((1 << depth) - 1);
        for (int x = 0, o = 0; x < width; x++, o += pitch)
        {
            byte value = (byte)(Packed(row, x, depth) * scale);
            rgb[o] = value;
            rgb[o + 1] = value;
            rgb[o + 2] = value;
        }
    }

    public static bool FromPalette(ReadOnlySpan<byte> row, int width, int depth, ReadOnlySpan<byte> palette, Span<byte> rgb, int pitch)
    {
        for (int x = 0, o = 0; x < width; x++, o += pitch)
        {
            int index = 3 * (depth == 8 ? row[x] : Packed(row, x, depth));
            if (index >= palette.Length) return false;
            palette.Slice(index, 3).CopyTo(rgb[o..]);
        }

        return true;
    }

    /// <summary>Sample <paramref name="x"/> of a row with 1, 2 or 4 bits a sample, the leftmost in the highest bits.</summary>
    private static int Packed(ReadOnlySpan<byte> row, int x, int depth)
    {
        int bit = x * depth;
        return (row[bit >> 3] >> (8 - depth - (bit & 7))) & ((1 << depth) - 1);
    }
}
