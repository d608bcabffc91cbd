using System.Buffers.Binary;
using System.IO.Compression;
using AdaptFormer.Data.Images;

namespace AdaptFormer.Tests.Data;

/// <summary>Files of pictures for tests: fixtures, and files made chunk by chunk.</summary>
internal static class PictureFile
{
    /// <summary>A file of <c>Fixtures/pictures</c>.</summary>
    public static string Fixture(string name) => Path.Combine(AppContext.BaseDirectory, "Fixtures", "pictures", name);

    /// <summary>Decodes with the libraries of the system, or as a machine without them does.</summary>
    public static ImageBuffer Decode(ReadOnlySpan<byte> file, string name, bool native)
    {
        ImageBuffer image = new();
        if (ImageFormats.Of(file, name) == ImageFormats.Jpeg) JpegFormat.Decode(file, image, name, native);
        else if (ImageFormats.Of(file, name) == ImageFormats.WebP) WebPFormat.Decode(file, image, name, native);
        else ImageDecoder.Decode(file, image, name);
        return image;
    }

    /// <summary>A PNG of any header, whose compressed rows are <paramref name="raw"/>.</summary>
    public static byte[] Png(int width, int height, int depth, int color, ReadOnlySpan<byte> raw, bool rightStream = true)
    {
        byte[] ihdr = [0, 0, 0, 0, 0, 0, 0, 0, (byte)depth, (byte)color, 0, 0, 0];
        BinaryPrimitives.WriteInt32BigEndian(ihdr, width);
        BinaryPrimitives.WriteInt32BigEndian(ihdr.AsSpan(4), height);
        using MemoryStream compressed = new();
        using (ZLibStream deflate = new(compressed, CompressionLevel.Fastest, leaveOpen: true)) deflate.Write(raw);
        byte[] idat = compressed.ToArray();
        if (!rightStream) idat[^1] ^= 1;
        return [.. PngHeader.Signature, .. Chunk("IHDR"u8, ihdr), .. Chunk("IDAT"u8, idat), .. Chunk("IEND"u8, [])];
    }

    /// <summary>A PNG chunk with its right checksum.</summary>
    public static byte[] Chunk(ReadOnlySpan<byte> id, ReadOnlySpan<byte> payload)
    {
        byte[] chunk = [0, 0, 0, 0, .. id, .. payload, 0, 0, 0, 0];
        BinaryPrimitives.WriteInt32BigEndian(chunk, payload.Length);
        BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(chunk.Length - 4), Crc32.Append(0, chunk.AsSpan(4, payload.Length + 4)));
        return chunk;
    }

    /// <summary>A gray JPEG of 8 x 8 pixels in <paramref name="scans"/> progressive scans, at most 896: each brings one bit of one coefficient.</summary>
    public static byte[] ProgressiveJpeg(int scans)
    {
        List<byte> file = [0xFF, 0xD8, 0xFF, 0xDB, 0, 67, 0, .. Enumerable.Repeat((byte)1, 64), 0xFF, 0xC2, 0, 11, 8, 0, 8, 0, 8, 1, 1, 0x11, 0];
        foreach (byte table in new byte[] { 0x00, 0x10 }) file.AddRange([0xFF, 0xC4, 0, 20, table, 1, .. new byte[15], 0]);
        for (int scan = 0; scan < scans; scan++)
        {
            (int k, int low) = (scan / 14, 13 - (scan % 14));
            file.AddRange([0xFF, 0xDA, 0, 8, 1, 1, 0, (byte)k, (byte)k, (byte)(((low == 13 ? 0 : low + 1) << 4) | low), 0x7F]);
        }

        return [.. file, 0xFF, 0xD9];
    }
}
