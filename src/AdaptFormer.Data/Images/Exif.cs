using System.Buffers.Binary;

namespace AdaptFormer.Data.Images;

/// <summary>
/// Reads and writes the orientation in EXIF data, which have the form of a TIFF file. Nothing else is looked at, and data that are
/// damaged or strange have none: the picture itself may be sound.
/// </summary>
internal static class Exif
{
    private const int OrientationTag = 274, Short = 3, Long = 4;

    /// <summary>What EXIF begins with in a JPEG, and by mistake in some files of other formats.</summary>
    public static ReadOnlySpan<byte> Prefix => "Exif\0\0"u8;

    /// <summary>The orientation in the first directory.</summary>
    /// <param name="data">EXIF data, with or without <see cref="Prefix"/>, or a whole TIFF file.</param>
    public static Orientation Read(ReadOnlySpan<byte> data)
    {
        if (data.StartsWith(Prefix)) data = data[Prefix.Length..];
        bool little = data.StartsWith("II"u8);
        if (data.Length < 8 || !(little || data.StartsWith("MM"u8))) return Orientation.Normal;
        bool big = TiffDirectory.Word(data[2..], 2, little) == 43;
        (int entryBytes, int countBytes, int valueBytes) = big ? (20, 8, 8) : (12, 2, 4);
        ulong at = TiffDirectory.Word(data[(big ? 8 : 4)..], valueBytes, little);
        if (at > (ulong)data.Length) return Orientation.Normal;
        ReadOnlySpan<byte> list = data[(int)at..];
        ulong entries = TiffDirectory.Word(list, countBytes, little);
        if (list.Length < countBytes) return Orientation.Normal;
        list = list[countBytes..];
        for (; entries > 0 && list.Length >= entryBytes; entries--, list = list[entryBytes..])
        {
            if (TiffDirectory.Word(list, 2, little) != OrientationTag) continue;
            int type = (int)TiffDirectory.Word(list[2..], 2, little);
            if (type is not (Short or Long) || TiffDirectory.Word(list[4..], valueBytes, little) != 1) break;
            ulong value = TiffDirectory.Word(list[(4 + valueBytes)..], type == Short ? 2 : 4, little);
            return value is >= 1 and <= 8 ? (Orientation)value : Orientation.Normal;
        }

        return Orientation.Normal;
    }

    /// <summary>The segment of a JPEG that says how it is to be shown; it belongs behind the start of the picture.</summary>
    public static byte[] JpegSegment(Orientation orientation)
    {
        byte[] segment =
        [
            0xFF, JpegSegments.Application1, 0, 0, .. Prefix, .. "MM\0*"u8, 0, 0, 0, 8,
            0, 1, OrientationTag >> 8, OrientationTag & 255, 0, Short, 0, 0, 0, 1, 0, (byte)orientation, 0, 0, 0, 0, 0, 0,
        ];
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(2), (ushort)(segment.Length - 2));
        return segment;
    }
}
