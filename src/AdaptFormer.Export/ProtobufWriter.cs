using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace AdaptFormer.Export;

/// <summary>
/// Writes the wire format of protocol buffers, as much of it as an ONNX file needs: whole numbers, floats, texts, and messages inside
/// messages, whose length stands ahead of them.
/// </summary>
internal sealed class ProtobufWriter
{
    private const int Number = 0, Delimited = 2, Fixed32 = 5;
    private readonly ArrayBufferWriter<byte> _bytes = new();

    /// <summary>How many bytes were written.</summary>
    public long Length => _bytes.WrittenCount;

    /// <summary>Bytes that a field of <paramref name="length"/> bytes takes, its tag and length included.</summary>
    public static long SizeOfField(int field, long length) => SizeOf((ulong)(field << 3)) + SizeOf((ulong)length) + length;

    /// <summary>Copies what was written.</summary>
    public void CopyTo(Stream stream) => stream.Write(_bytes.WrittenSpan);

    /// <summary>A whole number.</summary>
    public void Write(int field, long value)
    {
        Tag(field, Number);
        Varint((ulong)value);
    }

    /// <summary>A float.</summary>
    public void Write(int field, float value)
    {
        Tag(field, Fixed32);
        Span<byte> bytes = stackalloc byte[sizeof(float)];
        BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
        _bytes.Write(bytes);
    }

    /// <summary>A text, UTF-8.</summary>
    public void Write(int field, string text) => Write(field, Encoding.UTF8.GetBytes(text));

    /// <summary>Bytes.</summary>
    public void Write(int field, ReadOnlySpan<byte> bytes)
    {
        Start(field, bytes.Length);
        _bytes.Write(bytes);
    }

    /// <summary>A message inside this one.</summary>
    public void Write(int field, Action<ProtobufWriter> write)
    {
        ProtobufWriter inner = new();
        write(inner);
        Start(field, inner.Length);
        _bytes.Write(inner._bytes.WrittenSpan);
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
