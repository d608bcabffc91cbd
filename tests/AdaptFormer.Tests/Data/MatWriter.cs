using System.IO.Compression;
using System.Text;
using AdaptFormer.Data.Datasets;

namespace AdaptFormer.Tests.Data;

/// <summary>Writes MATLAB 5 files as MATLAB does: numbers, texts and structure arrays, compressed or not.</summary>
internal sealed class MatWriter
{
    private const int Matrix = 14, Compressed = 15, Structure = 2, Characters = 4, Doubles = 6;

    private readonly List<byte> _file = [];
    private readonly bool _compressed;

    public MatWriter(bool compressed = true)
    {
        _compressed = compressed;
        _file.AddRange(new byte[124]);
        _file.AddRange([0, 1, (byte)'I', (byte)'M']);
    }

    public MatWriter Add(string name, int[] dims, MatType type, byte[] data) => Append(Numbers(name, dims, type, data));

    public MatWriter AddStructure(string name, string[] fields, params byte[][][] elements)
    {
        const int NameBytes = 32;
        byte[] names = new byte[fields.Length * NameBytes];
        for (int f = 0; f < fields.Length; f++) Encoding.ASCII.GetBytes(fields[f]).CopyTo(names, f * NameBytes);
        using MemoryStream body = Header(Structure, [elements.Length, 1], name);
        body.Write(BitConverter.GetBytes((short)5));      // a small element: its four bytes lie in the tag
        body.Write(BitConverter.GetBytes((short)4));
        body.Write(BitConverter.GetBytes(NameBytes));
        Element(body, 1, names);
        foreach (byte[] field in elements.SelectMany(e => e)) body.Write(field);
        return Append(Wrapped(body));
    }

    public static byte[] Numbers(string name, int[] dims, MatType type, byte[] data)
    {
        using MemoryStream body = Header(Doubles, dims, name);
        Element(body, (int)type, data);
        return Wrapped(body);
    }

    public static byte[] Text(string text)
    {
        using MemoryStream body = Header(Characters, [1, text.Length], "");
        Element(body, (int)MatType.UInt16, Encoding.Unicode.GetBytes(text));
        return Wrapped(body);
    }

    public byte[] ToArray() => [.. _file];

    /// <summary>A variable as a compressed element.</summary>
    public static byte[] Deflated(byte[] matrix)
    {
        using MemoryStream deflated = new();
        using (ZLibStream deflate = new(deflated, CompressionLevel.Fastest, leaveOpen: true)) deflate.Write(matrix);
        return [.. BitConverter.GetBytes(Compressed), .. BitConverter.GetBytes((int)deflated.Length), .. deflated.ToArray()];
    }

    private MatWriter Append(byte[] matrix)
    {
        if (!_compressed)
        {
            _file.AddRange(matrix);
            return this;
        }

        _file.AddRange(Deflated(matrix));
        return this;
    }

    private static MemoryStream Header(byte kind, int[] dims, string name)
    {
        MemoryStream body = new();
        Element(body, 6, [kind, 0, 0, 0, 0, 0, 0, 0]);
        Element(body, 5, [.. dims.SelectMany(BitConverter.GetBytes)]);
        Element(body, 1, Encoding.ASCII.GetBytes(name));
        return body;
    }

    private static byte[] Wrapped(MemoryStream body)
    {
        using MemoryStream matrix = new();
        Element(matrix, Matrix, body.ToArray());
        return matrix.ToArray();
    }

    private static void Element(Stream stream, int type, byte[] data)
    {
        stream.Write(BitConverter.GetBytes(type));
        stream.Write(BitConverter.GetBytes(data.Length));
        stream.Write(data);
        stream.Write(new byte[(8 - (data.Length % 8)) % 8]);
    }
}
