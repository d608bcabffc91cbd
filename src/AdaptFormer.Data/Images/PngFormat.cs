using System.Buffers.Binary;
using System.IO.Compression;

namespace AdaptFormer.Data.Images;

/// <summary>
/// PNG (ISO/IEC 15948): every colour type and bit depth, Adam7, checksums of chunks and of the compressed stream. Gamma,
/// colour profiles, transparency and animation chunks do not change the pixels.
/// </summary>
internal sealed class PngFormat : ImageFormat
{
    // Adam7: origin and step of the seven passes.
    private static ReadOnlySpan<byte> PassX => [0, 4, 0, 2, 0, 1, 0];

    private static ReadOnlySpan<byte> PassY => [0, 0, 4, 0, 2, 0, 1];

    private static ReadOnlySpan<byte> StepX => [8, 8, 4, 4, 2, 2, 1];

    private static ReadOnlySpan<byte> StepY => [8, 8, 8, 4, 4, 2, 2];

    public override string Name => "PNG";

    public override IReadOnlyList<string> Extensions { get; } = [".png", ".apng"];

    public override bool Recognises(ReadOnlySpan<byte> data) => data.StartsWith(PngHeader.Signature[..4]);

    public override ImageInfo Identify(ReadOnlySpan<byte> data, string name)
    {
        PngHeader header = PngHeader.Read(data, name);
        return new ImageInfo(this, header.Width, header.Height);
    }

    public override void Decode(ReadOnlySpan<byte> data, ImageBuffer into, string name)
    {
        PngHeader header = PngHeader.Read(data, name);
        byte[] compressed = PixelMemory.Rent(data.Length);
        byte[] rows = PixelMemory.Rent(2 * (header.RowBytes(header.Width) + 1));
        try
        {
            int length = ReadChunks(data, header, compressed, out ReadOnlySpan<byte> palette, name);
            using MemoryStream source = new(compressed, 0, length, writable: false);
            using ZLibStream inflate = new(source, CompressionMode.Decompress);
            for (int pass = header.Interlaced ? 0 : 7; pass < (header.Interlaced ? 7 : 8); pass++)
                ReadPass(inflate, header, pass, palette, rows, into, name);
            _ = inflate.ReadByte();      // reads the end of the stream, and so has its checksum verified
        }
        catch (EndOfStreamException)
        {
            throw ImageErrors.Bad(name, "the PNG's pixel data ends early: the file is truncated.");
        }
        catch (InvalidDataException error) when (!error.Message.StartsWith(name, StringComparison.Ordinal))
        {
            throw ImageErrors.Bad(name, $"the PNG's compressed data is damaged: {error.Message}");
        }
        finally
        {
            PixelMemory.Return(compressed);
            PixelMemory.Return(rows);
        }
    }

    public override Orientation ReadOrientation(ReadOnlySpan<byte> data)
    {
        for (int at = PngHeader.Signature.Length; at <= data.Length - 12;)
        {
            uint size = BinaryPrimitives.ReadUInt32BigEndian(data[at..]);
            if (size > data.Length - at - 12) break;
            if (data.Slice(at + 4, 4).SequenceEqual("eXIf"u8)) return Exif.Read(data.Slice(at + 8, (int)size));
            at += 12 + (int)size;
        }

        return Orientation.Normal;
    }

    /// <summary>
    /// Checks every chunk, joins the IDAT payloads and finds the palette. A chunk cut off after the first IDAT ends the
    /// list without an error: if the pixels were not complete by then, inflating them says so.
    /// </summary>
    private static int ReadChunks(ReadOnlySpan<byte> data, PngHeader header, byte[] idat, out ReadOnlySpan<byte> palette, string name)
    {
        palette = default;
        int length = 0, chunks = 0;
        for (int at = 33; at <= data.Length - 12;)
        {
            uint size = BinaryPrimitives.ReadUInt32BigEndian(data[at..]);
            if (size > data.Length - at - 12)
            {
                if (chunks > 0) break;
                throw ImageErrors.Bad(name, "a PNG chunk reaches past the end of the file: it is truncated.");
            }

            ReadOnlySpan<byte> id = data.Slice(at + 4, 4), payload = data.Slice(at + 8, (int)size);
            if (Crc32.Append(0, data.Slice(at + 4, (int)size + 4)) != BinaryPrimitives.ReadUInt32BigEndian(data[(at + 8 + (int)size)..]))
                throw ImageErrors.Bad(
                    name, $"the checksum of chunk {System.Text.Encoding.Latin1.GetString(id)} does not match: the file is damaged.");

            if (id.SequenceEqual("IDAT"u8))
            {
                payload.CopyTo(idat.AsSpan(length));
                length += payload.Length;
                chunks++;
            }
            else if (id.SequenceEqual("PLTE"u8))
            {
                palette = payload;
            }
            else if (id.SequenceEqual("IEND"u8))
            {
                break;
            }
            else if (char.IsAsciiLetterUpper((char)id[0]))
            {
                throw ImageErrors.Bad(name, $"chunk {System.Text.Encoding.Latin1.GetString(id)} is critical but unknown.");
            }

            at += 12 + (int)size;
        }

        if (chunks == 0) throw ImageErrors.Bad(name, "the PNG has no IDAT chunk, so no pixels.");
        if (header.Color == PngColor.Palette && (palette.IsEmpty || palette.Length % 3 != 0))
            throw ImageErrors.Bad(name, $"a palette image needs a PLTE chunk of 3 bytes a colour; this one has {palette.Length} bytes.");
        return length;
    }

    /// <summary>Reads one Adam7 pass (0-6), or the whole picture (7), row by row.</summary>
    private static void ReadPass(
        Stream inflate, PngHeader header, int pass, ReadOnlySpan<byte> palette, byte[] rows, ImageBuffer into, string name)
    {
        (int x0, int y0, int dx, int dy) = pass == 7 ? (0, 0, 1, 1) : (PassX[pass], PassY[pass], StepX[pass], StepY[pass]);
        int width = (header.Width - x0 + dx - 1) / dx;
        if (width <= 0) return;

        int rowBytes = header.RowBytes(width);
        Span<byte> current = rows.AsSpan(0, rowBytes + 1), previous = rows.AsSpan(rowBytes + 1, rowBytes + 1);
        previous.Clear();
        for (int y = y0; y < header.Height; y += dy)
        {
            inflate.ReadExactly(current);
            // Not before there is a row: a header's word alone takes no memory.
            if (y == 0 && x0 == 0) into.Reset(header.Width, header.Height);
            if (!PngFilter.Undo(current[0], current[1..], previous[1..], header.FilterStep))
                throw ImageErrors.Bad(name, $"row {y} has filter type {current[0]}; PNG knows 0 to 4.");
            if (!PngPixels.ToRgb(current[1..], width, header, palette, into.Row(y)[(x0 * 3)..], dx * 3))
                throw ImageErrors.Bad(name, $"row {y} uses a colour beyond the {palette.Length / 3} of the palette.");
            Span<byte> swap = current;
            current = previous;
            previous = swap;
        }
    }
}
