using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using AdaptFormer.Files;

namespace AdaptFormer.Data.Datasets;

/// <summary>A MATLAB variable as it lies in the file: numbers or characters, or a structure array.</summary>
/// <param name="Dims">Length of each axis; the first varies fastest.</param>
/// <param name="Type">How the numbers are stored.</param>
/// <param name="Data">The numbers, little-endian; empty for a structure.</param>
/// <param name="Fields">The fields of a structure array, each with one variable per element; null for numbers.</param>
internal sealed record MatArray(int[] Dims, MatType Type, ReadOnlyMemory<byte> Data, IReadOnlyDictionary<string, MatArray[]>? Fields = null)
{
    /// <summary>The numbers, whatever their type.</summary>
    public double[] Numbers()
    {
        ReadOnlySpan<byte> d = Data.Span;
        double[] result = new double[d.Length / MatFile.Bytes(Type)];
        for (int i = 0; i < result.Length; i++)
        {
            result[i] = Type switch
            {
                MatType.Int8 => (sbyte)d[i],
                MatType.UInt8 or MatType.Utf8 => d[i],
                MatType.Int16 => BinaryPrimitives.ReadInt16LittleEndian(d[(i * 2)..]),
                MatType.UInt16 or MatType.Utf16 => BinaryPrimitives.ReadUInt16LittleEndian(d[(i * 2)..]),
                MatType.Int32 => BinaryPrimitives.ReadInt32LittleEndian(d[(i * 4)..]),
                MatType.UInt32 => BinaryPrimitives.ReadUInt32LittleEndian(d[(i * 4)..]),
                MatType.Single => BinaryPrimitives.ReadSingleLittleEndian(d[(i * 4)..]),
                _ => BinaryPrimitives.ReadDoubleLittleEndian(d[(i * 8)..]),
            };
        }

        return result;
    }

    /// <summary>Characters as text.</summary>
    public string Text() =>
        Type is MatType.UInt16 or MatType.Utf16 ? Encoding.Unicode.GetString(Data.Span) : Encoding.UTF8.GetString(Data.Span);
}

/// <summary>How MATLAB stores numbers and characters: the type numbers of the file format.</summary>
internal enum MatType
{
    Int8 = 1,
    UInt8 = 2,
    Int16 = 3,
    UInt16 = 4,
    Int32 = 5,
    UInt32 = 6,
    Single = 7,
    Double = 9,
    Utf8 = 16,
    Utf16 = 17,
}

/// <summary>
/// Reads arrays of numbers and characters, and structure arrays of them, from MATLAB files, version 5 (little-endian, compressed or
/// not), as in "MAT-File Format", The MathWorks. Variables of other types are left out.
/// </summary>
internal static class MatFile
{
    private const int HeaderBytes = 128, Matrix = 14, Compressed = 15, StructureClass = 2, MaxDepth = 8;

    /// <summary>The most that deflate can make of a byte: a larger claim is a lie, and no memory is taken for it.</summary>
    private const long MaxExpansion = 1032;

    /// <exception cref="InvalidDataException">Not such a file, or a damaged one.</exception>
    public static Dictionary<string, MatArray> Read(string path)
    {
        byte[] file = RegularFile.ReadAllBytes(path, "a MATLAB file");
        if (file.Length < HeaderBytes || !file.AsSpan(126, 2).SequenceEqual("IM"u8))
            throw new InvalidDataException($"{path}: not a little-endian MATLAB 5 file (a version 7.3 file is HDF5: save it with -v7).");

        Dictionary<string, MatArray> variables = [];
        int at = HeaderBytes;
        while (at <= file.Length - 8)
        {
            (int type, long size) =
                (BinaryPrimitives.ReadInt32LittleEndian(file.AsSpan(at)), BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at + 4)));
            at += 8;
            if (size > file.Length - at)
                throw new InvalidDataException($"{path}: an element of {size} bytes reaches past the end: the file is truncated.");
            Memory<byte> content = file.AsMemory(at, (int)size);
            if (type == Compressed) (type, content) = Inflate(file, at, (int)size, path);
            if (type == Matrix && ReadMatrix(content, path, 0) is var (name, array)) variables[name] = array;
            at += (int)size;
        }

        return variables;
    }

    private static (int Type, Memory<byte> Content) Inflate(byte[] file, int at, int length, string path)
    {
        try
        {
            using ZLibStream inflate = new(new MemoryStream(file, at, length, writable: false), CompressionMode.Decompress);
            Span<byte> tag = stackalloc byte[8];
            inflate.ReadExactly(tag);
            long size = BinaryPrimitives.ReadUInt32LittleEndian(tag[4..]);
            if (size > length * MaxExpansion || size > Array.MaxLength)
                throw new InvalidDataException($"{length} compressed bytes cannot hold {size}");
            byte[] content = new byte[size];
            inflate.ReadExactly(content);
            return (BinaryPrimitives.ReadInt32LittleEndian(tag), content);
        }
        catch (Exception error) when (error is InvalidDataException or EndOfStreamException)
        {
            throw new InvalidDataException($"{path}: damaged compressed data: {error.Message}", error);
        }
    }

    /// <summary>Bytes of one number.</summary>
    public static int Bytes(MatType type) => type switch
    {
        MatType.Int8 or MatType.UInt8 or MatType.Utf8 => 1,
        MatType.Int16 or MatType.UInt16 or MatType.Utf16 => 2,
        MatType.Double => 8,
        _ => 4,
    };

    private static (string Name, MatArray Array)? ReadMatrix(ReadOnlyMemory<byte> content, string path, int depth)
    {
        int at = 0;
        ReadOnlySpan<byte> flags = Element(content, ref at, path).Data.Span;
        ReadOnlySpan<byte> dims = Element(content, ref at, path).Data.Span;
        string name = Encoding.ASCII.GetString(Element(content, ref at, path).Data.Span);
        int[] lengths = new int[dims.Length / 4];
        long count = 1;
        for (int i = 0; i < lengths.Length; i++)
        {
            lengths[i] = BinaryPrimitives.ReadInt32LittleEndian(dims[(i * 4)..]);
            count = lengths[i] < 0 || count < 0 || count > int.MaxValue ? -1 : count * lengths[i];
        }

        if (flags.Length > 0 && flags[0] == StructureClass) return (name, ReadStructure(content, at, lengths, count, path, depth));
        (int type, ReadOnlyMemory<byte> data) = Element(content, ref at, path);
        if (!Enum.IsDefined((MatType)type)) return null;
        return count * Bytes((MatType)type) == data.Length ? (name, new MatArray(lengths, (MatType)type, data))
            : throw new InvalidDataException(
                $"{path}: variable {name} [{string.Join(", ", lengths)}] has {data.Length} bytes of numbers, which does not fit.");
    }

    /// <summary>A structure array: the length of a field's name, all names, then for each element the fields as matrices of their
    /// own.</summary>
    private static MatArray ReadStructure(ReadOnlyMemory<byte> content, int at, int[] lengths, long count, string path, int depth)
    {
        ReadOnlySpan<byte> size = Element(content, ref at, path).Data.Span;
        int nameBytes = size.Length == 4 ? BinaryPrimitives.ReadInt32LittleEndian(size) : 0;
        ReadOnlySpan<byte> names = Element(content, ref at, path).Data.Span;
        int fields = nameBytes > 0 ? names.Length / nameBytes : 0;
        if (depth >= MaxDepth || fields == 0 || count < 0 || count * fields * 8 > content.Length)
            throw new InvalidDataException($"{path}: a structure is damaged.");
        string[] keys = new string[fields];
        for (int f = 0; f < fields; f++) keys[f] = Encoding.ASCII.GetString(names.Slice(f * nameBytes, nameBytes)).TrimEnd('\0');
        Dictionary<string, MatArray[]> values = [];
        foreach (string key in keys) values[key] = new MatArray[count];
        MatArray nothing = new([0, 0], MatType.UInt8, default);
        for (int i = 0; i < count; i++)
        {
            foreach (string key in keys)
            {
                (int type, ReadOnlyMemory<byte> data) = Element(content, ref at, path);
                MatArray? value = type == Matrix && data.Length > 0 ? ReadMatrix(data, path, depth + 1)?.Array : null;
                values[key][i] = value ?? nothing;
            }
        }

        return new MatArray(lengths, default, default, values);
    }

    /// <summary>One element: tag, data, padding to 8 bytes; up to 4 bytes of data may lie within the tag.</summary>
    private static (int Type, ReadOnlyMemory<byte> Data) Element(ReadOnlyMemory<byte> content, ref int at, string path)
    {
        if (at > content.Length - 8) throw new InvalidDataException($"{path}: a variable is truncated.");
        uint first = BinaryPrimitives.ReadUInt32LittleEndian(content.Span[at..]);
        bool small = first >> 16 != 0;
        long size = small ? first >> 16 : BinaryPrimitives.ReadUInt32LittleEndian(content.Span[(at + 4)..]);
        int start = at + (small ? 4 : 8);
        if (size > content.Length - start || (small && size > 4)) throw new InvalidDataException($"{path}: a variable is truncated.");
        at = small ? at + 8 : (int)Math.Min(content.Length, start + ((size + 7) / 8 * 8));
        return ((int)(first & 0xFFFF), content.Slice(start, (int)size));
    }
}
