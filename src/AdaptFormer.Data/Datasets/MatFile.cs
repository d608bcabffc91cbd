using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace AdaptFormer.Data;

/// <summary>Numbers of a MATLAB variable as they lie in the file.</summary>
/// <param name="Dims">Length of each axis; the first varies fastest.</param>
/// <param name="ElementBytes">Bytes per number: 1 (unsigned), or 8 (double).</param>
/// <param name="Data">The numbers, little-endian.</param>
internal sealed record MatArray(int[] Dims, int ElementBytes, ReadOnlyMemory<byte> Data);

/// <summary>
/// Reads byte and double arrays of MATLAB files, version 5 (little-endian, compressed or not), as in "MAT-File Format",
/// The MathWorks. Variables of other types are left out.
/// </summary>
internal static class MatFile
{
    private const int HeaderBytes = 128, UInt8 = 2, Double = 9, Matrix = 14, Compressed = 15;

    /// <summary>The most that deflate can make of a byte: a larger claim is a lie, and no memory is taken for it.</summary>
    private const long MaxExpansion = 1032;

    /// <exception cref="InvalidDataException">Not such a file, or a damaged one.</exception>
    public static Dictionary<string, MatArray> Read(string path)
    {
        byte[] file = File.ReadAllBytes(path);
        if (file.Length < HeaderBytes || !file.AsSpan(126, 2).SequenceEqual("IM"u8))
            throw new InvalidDataException($"{path}: not a little-endian MATLAB 5 file (a version 7.3 file is HDF5: save it with -v7).");

        Dictionary<string, MatArray> variables = [];
        int at = HeaderBytes;
        while (at <= file.Length - 8)
        {
            (int type, long size) = (BinaryPrimitives.ReadInt32LittleEndian(file.AsSpan(at)), BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at + 4)));
            at += 8;
            if (size > file.Length - at) throw new InvalidDataException($"{path}: an element of {size} bytes reaches past the end: the file is truncated.");
            Memory<byte> content = file.AsMemory(at, (int)size);
            if (type == Compressed) (type, content) = Inflate(file, at, (int)size, path);
            if (type == Matrix && ReadMatrix(content, path) is var (name, array)) variables[name] = array;
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
            if (size > length * MaxExpansion || size > Array.MaxLength) throw new InvalidDataException($"{length} compressed bytes cannot hold {size}");
            byte[] content = new byte[size];
            inflate.ReadExactly(content);
            return (BinaryPrimitives.ReadInt32LittleEndian(tag), content);
        }
        catch (Exception error) when (error is InvalidDataException or EndOfStreamException)
        {
            throw new InvalidDataException($"{path}: damaged compressed data: {error.Message}", error);
        }
    }

    private static (string Name, MatArray Array)? ReadMatrix(Memory<byte> content, string path)
    {
        int at = 0;
        _ = Element(content, ref at, path);      // flags: the class follows from the stored type here
        ReadOnlySpan<byte> dims = Element(content, ref at, path).Data.Span;
        string name = Encoding.ASCII.GetString(Element(content, ref at, path).Data.Span);
        (int type, ReadOnlyMemory<byte> data) = Element(content, ref at, path);
        if (type is not (UInt8 or Double)) return null;

        int[] lengths = new int[dims.Length / 4];
        long count = 1;
        for (int i = 0; i < lengths.Length; i++)
        {
            lengths[i] = BinaryPrimitives.ReadInt32LittleEndian(dims[(i * 4)..]);
            count = lengths[i] < 0 ? -1 : checked(count * lengths[i]);
        }

        int bytes = type == UInt8 ? 1 : 8;
        return count * bytes == data.Length ? (name, new MatArray(lengths, bytes, data))
            : throw new InvalidDataException($"{path}: variable {name} [{string.Join(", ", lengths)}] has {data.Length} bytes of numbers, which does not fit.");
    }

    /// <summary>One element: tag, data, padding to 8 bytes; up to 4 bytes of data may lie within the tag.</summary>
    private static (int Type, ReadOnlyMemory<byte> Data) Element(Memory<byte> content, ref int at, string path)
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
