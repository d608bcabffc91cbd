using System.Buffers.Binary;

namespace AdaptFormer.Data.Images;

/// <summary>The first directory of a TIFF, read ahead of the library, which takes memory for whatever numbers it finds there.</summary>
internal static class TiffDirectory
{
    /// <summary>Bytes that a value of each type takes, BYTE (1) to IFD8 (18); 0: no such type.</summary>
    private static ReadOnlySpan<byte> TypeBytes => [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8];

    /// <summary>Checks that what the directory points to lies within the file: values, strips and tiles.</summary>
    /// <exception cref="InvalidDataException">It does not.</exception>
    public static void Check(ReadOnlySpan<byte> data, string name)
    {
        bool little = data[0] == 'I', big = Word(data[2..], 2, little) == 43;
        (int start, int entryBytes, int countBytes, int valueBytes) = big ? (16, 20, 8, 8) : (8, 12, 2, 4);
        if (data.Length < start) throw ImageErrors.Truncated(name, "TIFF");
        ulong at = Word(data[(big ? 8 : 4)..], valueBytes, little);
        if (at < 8 || at > (ulong)(data.Length - countBytes))
            throw ImageErrors.Bad(name, "damaged TIFF header: its directory lies outside the file.");
        ulong entries = Word(data[(int)at..], countBytes, little);
        ReadOnlySpan<byte> list = data[((int)at + countBytes)..];
        if (entries > (ulong)(list.Length / entryBytes))
            throw ImageErrors.Bad(name, "damaged TIFF header: its directory reaches past the end of the file.");

        for (int i = 0; i < (int)entries; i++)
        {
            ReadOnlySpan<byte> entry = list.Slice(i * entryBytes, entryBytes);
            int tag = (int)Word(entry, 2, little), type = (int)Word(entry[2..], 2, little),
                size = type < TypeBytes.Length ? TypeBytes[type] : 0;
            ulong count = Word(entry[4..], valueBytes, little);
            if (size == 0) continue;      // not for us, nor for the library
            if (count > (ulong)(data.Length / size)) throw Outside(name, tag);
            ulong bytes = count * (ulong)size, value = Word(entry[(4 + valueBytes)..], valueBytes, little);
            if (bytes > (ulong)valueBytes && value > (ulong)data.Length - bytes) throw Outside(name, tag);
        }
    }

    private static InvalidDataException Outside(string name, int tag) =>
        ImageErrors.Bad(name, $"damaged TIFF header: the values of tag {tag} lie outside the file.");

    /// <summary>A number of 2, 4 or 8 bytes; the greatest of all where the data end before.</summary>
    public static ulong Word(ReadOnlySpan<byte> bytes, int length, bool little)
    {
        if (bytes.Length < length) return ulong.MaxValue;
        return length switch
        {
            2 => little ? BinaryPrimitives.ReadUInt16LittleEndian(bytes) : BinaryPrimitives.ReadUInt16BigEndian(bytes),
            4 => little ? BinaryPrimitives.ReadUInt32LittleEndian(bytes) : BinaryPrimitives.ReadUInt32BigEndian(bytes),
            _ => little ? BinaryPrimitives.ReadUInt64LittleEndian(bytes) : BinaryPrimitives.ReadUInt64BigEndian(bytes),
        };
    }
}
