using System.Buffers.Binary;
using System.Runtime.InteropServices;
using BitMiracle.LibTiff.Classic;

namespace AdaptFormer.Data.Images;

/// <summary>Reads the pixels of a TIFF page, whatever its rows are cut into, and widens them to RGB.</summary>
internal sealed class TiffPixels(Tiff file, TiffLayout layout, ImageBuffer into)
{
    /// <summary>Reads the whole page.</summary>
    /// <exception cref="InvalidDataException">A part cannot be decoded.</exception>
    public void Read()
    {
        int planes = !layout.Planes ? 1 : layout.Colors switch { Photometric.RGB => 3, Photometric.SEPARATED => throw Unread(), _ => 1 };
        for (short plane = 0; plane < planes; plane++)
        {
            if (file.IsTiled()) ReadTiles(plane);
            else ReadRows(plane);
        }
    }

    private void ReadRows(short plane)
    {
        byte[] row = new byte[file.ScanlineSize()];
        for (int y = 0; y < layout.Height; y++)
        {
            if (!file.ReadScanline(row, 0, y, plane)) throw Damaged($"row {y}");
            Put(row, 0, y, layout.Width, plane);
        }
    }

    private void ReadTiles(short plane)
    {
        int width = file.GetField(TiffTag.TILEWIDTH)[0].ToInt(), height = file.GetField(TiffTag.TILELENGTH)[0].ToInt(),
            rowBytes = file.TileRowSize();
        byte[] tile = new byte[file.TileSize()];
        for (int top = 0; top < layout.Height; top += height)
        {
            for (int left = 0; left < layout.Width; left += width)
            {
                if (file.ReadTile(tile, 0, left, top, 0, plane) < 0) throw Damaged($"the tile at {left},{top}");
                for (int y = 0; y < Math.Min(height, layout.Height - top); y++)
                    Put(tile.AsSpan(y * rowBytes, rowBytes), left, top + y, Math.Min(width, layout.Width - left), plane);
            }
        }
    }

    /// <summary>Widens some pixels of a row. The picture's memory is taken when the first of them are there.</summary>
    private void Put(Span<byte> samples, int x, int y, int count, int plane)
    {
        if (x == 0 && y == 0 && plane == 0) into.Reset(layout.Width, layout.Height);
        Span<byte> rgb = into.Row(y).Slice(x * 3, count * 3);
        int channels = layout.Planes ? 1 : layout.Samples, bytes = layout.Bits / 8;
        if (layout.Bits == 16)
        {
            Span<ushort> values = MemoryMarshal.Cast<byte, ushort>(samples);      // in the machine's order; the high byte is to be first
            if (BitConverter.IsLittleEndian) BinaryPrimitives.ReverseEndianness(values, values);
        }

        switch (layout.Colors)
        {
            case Photometric.PALETTE:
                PngPixels.FromPalette(samples, count, layout.Bits, layout.Palette, rgb, 3);
                break;
            case Photometric.SEPARATED:
                FromInks(samples, count, rgb);
                break;
            case Photometric.RGB when layout.Planes:
                for (int i = 0; i < count; i++) rgb[(i * 3) + plane] = samples[i * bytes];
                break;
            case Photometric.RGB:
                PngPixels.FromBytes(samples, count, channels, bytes, rgb, 3);
                break;
            default:
                FromGray(samples, count, channels, rgb);
                break;
        }
    }

    private void FromGray(ReadOnlySpan<byte> samples, int count, int channels, Span<byte> rgb)
    {
        if (layout.Bits < 8)
            PngPixels.FromPackedGray(samples, count, layout.Bits, rgb, 3);
        else
            for (int i = 0, step = channels * layout.Bits / 8; i < count; i++) rgb.Slice(i * 3, 3).Fill(samples[i * step]);
        if (layout.Colors != Photometric.MINISWHITE) return;
        foreach (ref byte value in rgb) value ^= 255;
    }

    /// <summary>Inks are stored as they are, and the arithmetic is that of inverted ones.</summary>
    private void FromInks(Span<byte> samples, int count, Span<byte> rgb)
    {
        foreach (ref byte value in samples) value ^= 255;
        for (int i = 0; i < count; i++) Cmyk.ToRgb(samples.Slice(i * layout.Samples, 4), rgb.Slice(i * 3, 3));
    }

    private InvalidDataException Damaged(string part) =>
        ImageErrors.Bad(layout.Name, $"damaged TIFF data: {part} cannot be decoded. {TiffErrors.Last}".TrimEnd());

    private InvalidDataException Unread() =>
        ImageErrors.Bad(layout.Name, "TIFF with a plane for each ink, which is not read; convert it to RGB, or to PNG.");
}
