using System.Buffers.Binary;
using System.Text;

namespace AdaptFormer.Reports.TensorBoard;

/// <summary>Writes the wire format of Protocol Buffers (proto3): each field its number and kind, then its value. What an event file needs
/// of it, and no more.</summary>
internal sealed class ProtoWriter
{
    private const int Varint = 0, Fixed64 = 1, Length = 2, Fixed32 = 5;
    private readonly List<byte> _bytes = [];

    /// <summary>What was written.</summary>
    public byte[] ToArray() => [.. _bytes];

    /// <summary>An integer, enumeration or bool.</summary>
    public ProtoWriter Add(int field, long value)
    {
        Tag(field, Varint);
        WriteVarint((ulong)value);
        return this;
    }

    /// <summary>A double.</summary>
    public ProtoWriter Add(int field, double value)
    {
        Tag(field, Fixed64);
        Span<byte> bytes = stackalloc byte[sizeof(double)];
        BinaryPrimitives.WriteDoubleLittleEndian(bytes, value);
        _bytes.AddRange(bytes);
        return this;
    }

    /// <summary>A float.</summary>
    public ProtoWriter Add(int field, float value)
    {
        Tag(field, Fixed32);
        Span<byte> bytes = stackalloc byte[sizeof(float)];
        BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
        _bytes.AddRange(bytes);
        return this;
    }

    /// <summary>A string.</summary>
    public ProtoWriter Add(int field, string value) => Add(field, Encoding.UTF8.GetBytes(value));

    /// <summary>Bytes.</summary>
    public ProtoWriter Add(int field, byte[] value)
    {
        Tag(field, Length);
        WriteVarint((ulong)value.Length);
        _bytes.AddRange(value);
        return this;
    }

    /// <summary>A message.</summary>
    public ProtoWriter Add(int field, ProtoWriter value) => Add(field, value.ToArray());

    private void Tag(int field, int kind) => WriteVarint(((ulong)field << 3) | (uint)kind);

    private void WriteVarint(ulong value)
    {
        for (; value >= 0x80; value >>= 7) _bytes.Add((byte)(value | 0x80));
        _bytes.Add((byte)value);
    }
}
