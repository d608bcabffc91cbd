using System.Buffers.Binary;
using AdaptFormer.Data.Images;
using AdaptFormer.Data.Transforms;
using Xunit;

namespace AdaptFormer.Tests.Data;

/// <summary>Files that say how they are to be shown.</summary>
internal static class OrientedFile
{
    /// <summary>Every orientation.</summary>
    public static TheoryData<Orientation> All => [.. Enum.GetValues<Orientation>()];

    /// <summary>EXIF data of one entry, in either order of bytes.</summary>
    public static byte[] Exif(int orientation, bool little = false, int type = 3, int count = 1)
    {
        byte[] exif = new byte[26];
        (little ? "II*\0"u8 : "MM\0*"u8).CopyTo(exif);
        Put(4, 8, 4);
        Put(8, 1, 2);
        Put(10, 274, 2);
        Put(12, type, 2);
        Put(14, count, 4);
        Put(18, orientation, type == 4 ? 4 : 2);
        return exif;

        void Put(int at, int value, int bytes)
        {
            for (int i = 0; i < bytes; i++) exif[at + (little ? i : bytes - 1 - i)] = (byte)(value >> (8 * i));
        }
    }

    /// <summary>A PNG with an eXIf chunk ahead of its pixels.</summary>
    public static byte[] Png(ImageBuffer stored, ReadOnlySpan<byte> exif)
    {
        byte[] raw = new byte[stored.Height * (stored.Stride + 1)];
        for (int y = 0; y < stored.Height; y++) stored.Row(y).CopyTo(raw.AsSpan((y * (stored.Stride + 1)) + 1));
        byte[] plain = PictureFile.Png(stored.Width, stored.Height, 8, 2, raw);
        return [.. plain[..33], .. PictureFile.Chunk("eXIf"u8, exif), .. plain[33..]];
    }

    /// <summary>A JPEG with EXIF behind its first two bytes.</summary>
    public static byte[] Jpeg(byte[] plain, byte[] exif)
    {
        byte[] length = [0, 0];
        BinaryPrimitives.WriteUInt16BigEndian(length, (ushort)(2 + 6 + exif.Length));
        return [.. plain[..2], 0xFF, 0xE1, .. length, .. "Exif\0\0"u8, .. exif, .. plain[2..]];
    }

    /// <summary>A WebP with EXIF, of one that has a picture and nothing else.</summary>
    public static byte[] WebP(byte[] plain, byte[] exif)
    {
        ImageInfo size = ImageDecoder.Identify(plain);
        byte[] canvas = [0x08, 0, 0, 0, (byte)(size.Width - 1), 0, 0, (byte)(size.Height - 1), 0, 0], riff = [.. Chunk("VP8X", canvas), .. plain[12..], .. Chunk("EXIF", exif)];
        byte[] length = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, riff.Length + 4);
        return [.. "RIFF"u8, .. length, .. "WEBP"u8, .. riff];

        static byte[] Chunk(string id, byte[] payload)
        {
            byte[] bytes = new byte[4];
            BinaryPrimitives.WriteInt32LittleEndian(bytes, payload.Length);
            return [.. System.Text.Encoding.ASCII.GetBytes(id), .. bytes, .. payload, .. (payload.Length & 1) == 0 ? Array.Empty<byte>() : [0]];
        }
    }

    /// <summary>A gray TIFF.</summary>
    public static byte[] Tiff(int width, int height, int orientation)
    {
        using MemoryStream file = new();
        using BinaryWriter writer = new(file);
        (short Tag, int Value)[] entries =
        [
            (256, width), (257, height), (258, 8), (259, 1), (262, 1), (273, 8 + 2 + (10 * 12) + 4), (274, orientation), (277, 1), (278, height), (279, width * height),
        ];
        writer.Write("II*\0"u8);
        writer.Write(8);
        writer.Write((short)entries.Length);
        foreach ((short tag, int value) in entries)
        {
            writer.Write(tag);
            writer.Write((short)(tag == 274 ? 3 : 4));
            writer.Write(1);
            writer.Write(value);
        }

        writer.Write(0);
        writer.Write([.. Enumerable.Range(0, width * height).Select(i => (byte)i)]);
        return file.ToArray();
    }

    /// <summary>A picture without any symmetry.</summary>
    public static ImageBuffer Picture(int width = 24, int height = 16)
    {
        ImageBuffer image = new(width, height);
        for (int i = 0; i < image.Pixels.Length; i++) image.Pixels[i] = (byte)((i * 7) + (i * i / 50));
        return image;
    }

    /// <summary>How a picture must be stored so that it is shown upright under an orientation.</summary>
    public static ImageBuffer Stored(ImageBuffer upright, Orientation orientation)
    {
        upright.Orientation = orientation switch
        {
            Orientation.QuarterRight => Orientation.QuarterLeft,
            Orientation.QuarterLeft => Orientation.QuarterRight,
            _ => orientation,      // done twice, every other one undoes itself
        };
        ImageBuffer stored = new();
        Uprighting.Turn(upright, stored);
        upright.Orientation = Orientation.Normal;
        stored.Orientation = orientation;
        return stored;
    }
}
