using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace AdaptFormer.Files;

/// <summary>
/// Writes the wire format of protocol buffers, as much of it as ONNX and event files need: whole numbers, floats, texts, and messages
/// inside messages, whose length stands ahead of them.
/// </summary>
public sealed class ProtobufWriter
{
    private const int Number = 0, Fixed64 = 1, Delimited = 2, Fixed32 = 5;
    private readonly ArrayBufferWriter<byte> _bytes = new();

    /// <summary>How many bytes were written.</summary>
    public long Length => _bytes.WrittenCount;

    /// <summary>Bytes that a field of <paramref name="length"/> bytes takes, its tag and length included.</summary>
    public static long SizeOfField(int field, long length) => SizeOf((ulong)(field << 3)) + SizeOf((ulong)length) + length;

    /// <summary>Copies what was written.</summary>
    public void CopyTo(Stream stream) => stream.Write(_bytes.WrittenSpan);

    /// <summary>What was written.</summary>
    public byte[] ToArray() => _bytes.WrittenSpan.ToArray();

    /// <summary>A whole number, an enumeration's or a flag.</summary>
    public ProtobufWriter Write(int field, long value)
    {
        Tag(field, Number);
        Varint((ulong)value);
        return this;
    }

    /// <summary>A double.</summary>
    public ProtobufWriter Write(int field, double value)
    {
        Tag(field, Fixed64);
        Span<byte> bytes = stackalloc byte[sizeof(double)];
        BinaryPrimitives.WriteDoubleLittleEndian(bytes, value);
        _bytes.Write(bytes);
        return this;
    }

    /// <summary>A float.</summary>
    public ProtobufWriter Write(int field, float value)
    {
        Tag(field, Fixed32);
        Span<byte> bytes = stackalloc byte[sizeof(float)];
        BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
        _bytes.Write(bytes);
        return this;
    }

    /// <summary>A text, UTF-8.</summary>
    public ProtobufWriter Write(int field, string text) => Write(field, Encoding.UTF8.GetBytes(text));

    /// <summary>Bytes.</summary>
    public ProtobufWriter Write(int field, ReadOnlySpan<byte> bytes)
    {
        Start(field, bytes.Length);
        _bytes.Write(bytes);
        return this;
    }

    /// <summary>A message inside this one.</summary>
    public ProtobufWriter Write(int field, ProtobufWriter message) => Write(field, message._bytes.WrittenSpan);

    /// <summary>A message inside this one.</summary>
    public ProtobufWriter Write(int field, Action<ProtobufWriter> write)
    {
        ProtobufWriter inner = new();
        write(inner);
        return Write(field, inner);
    }

    /// <summary>The tag and the length of a field whose bytes follow.</summary>
    public void Start(int field, long length)
    {
        Tag(field, Delimited);
        Varint((ulong)length);
    }

    private void Tag(int field, int kind) => Varint((ulong)((field << 3) | kind));

    private void Varint(ulong value)
    {
        for (; value >= 0x80; value >>= 7) _bytes.Write([(byte)(value | 0x80)]);
        _bytes.Write([(byte)value]);
    }

    private static int SizeOf(ulong value)
    {
        int size = 1;
        for (; value >= 0x80; value >>= 7) size++;
        return size;
    }
}
