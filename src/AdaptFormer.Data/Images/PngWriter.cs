using System.Buffers.Binary;
using System.IO.Compression;
using AdaptFormer.Files;

namespace AdaptFormer.Data.Images;

/// <summary>Writes PNG files, 8-bit RGB, for pictures that the program itself makes.</summary>
public static class PngWriter
{
    /// <summary>Writes <paramref name="image"/> as a complete PNG; the stream stays open.</summary>
    /// <exception cref="ArgumentException">The image is empty.</exception>
    public static void Write(Stream stream, ImageBuffer image)
    {
        if (image.Width == 0) throw new ArgumentException("PngWriter: the image is empty; give it a size and pixels first.", nameof(image));
        stream.Write(PngHeader.Signature);

        Span<byte> header = stackalloc byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, image.Width);
        BinaryPrimitives.WriteInt32BigEndian(header[4..], image.Height);
        (header[8], header[9], header[10], header[11], header[12]) = (8, (byte)PngColor.Rgb, 0, 0, 0);
        WriteChunk(stream, "IHDR"u8, header);

        using MemoryStream compressed = new();
        using (ZLibStream deflate = new(compressed, CompressionLevel.Optimal, leaveOpen: true)) WriteRows(deflate, image);
        WriteChunk(stream, "IDAT"u8, compressed.GetBuffer().AsSpan(0, (int)compressed.Length));
        WriteChunk(stream, "IEND"u8, []);
    }

    /// <summary>Writes <paramref name="image"/> to a file, replacing one that is there.</summary>
    /// <exception cref="ArgumentException">The image is empty.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Save(string path, ImageBuffer image) => AtomicFile.Write(path, stream => Write(stream, image));

    /// <summary>Each row with the filter whose differences are smallest in sum: what the standard advises for photographs.</summary>
    private static void WriteRows(ZLibStream deflate, ImageBuffer image)
    {
        int stride = image.Stride;
        byte[] zeros = new byte[stride], best = new byte[stride + 1], candidate = new byte[stride + 1];
        for (int y = 0; y < image.Height; y++)
        {
            ReadOnlySpan<byte> row = image.Row(y), above = y == 0 ? zeros : image.Row(y - 1);
            long smallest = long.MaxValue;
            foreach (int filter in (ReadOnlySpan<int>)[PngFilter.None, PngFilter.Sub, PngFilter.Up, PngFilter.Paeth])
            {
                long sum = Filter(filter, row, above, candidate);
                if (sum >= smallest) continue;
                smallest = sum;
                (best, candidate) = (candidate, best);
            }

            deflate.Write(best);
        }
    }

    private static long Filter(int filter, ReadOnlySpan<byte> row, ReadOnlySpan<byte> above, byte[] result)
    {
        result[0] = (byte)filter;
        long sum = 0;
        for (int i = 0; i < row.Length; i++)
        {
            int left = i < 3 ? 0 : row[i - 3], upperLeft = i < 3 ? 0 : above[i - 3];
            int predicted = filter switch
            {
                PngFilter.Sub => left,
                PngFilter.Up => above[i],
                PngFilter.Paeth => PngFilter.Predict(left, above[i], upperLeft),
                _ => 0,
            };
            byte difference = (byte)(row[i] - predicted);
            result[i + 1] = difference;
            sum += Math.Abs((int)(sbyte)difference);
        }

        return sum;
    }

    private static void WriteChunk(Stream stream, ReadOnlySpan<byte> id, ReadOnlySpan<byte> payload)
    {
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, payload.Length);
        stream.Write(number);
        stream.Write(id);
        stream.Write(payload);
        BinaryPrimitives.WriteUInt32BigEndian(number, Crc32.Append(Crc32.Append(0, id), payload));
        stream.Write(number);
    }
}
