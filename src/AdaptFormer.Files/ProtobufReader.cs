using System.Buffers.Binary;
using System.Text;

namespace AdaptFormer.Files;

/// <summary>
/// Walks over the fields of one message of protocol buffers in a mapped file. Nothing in it is trusted: a field that would reach beyond its
/// message is refused, and nothing is copied but the texts that are asked for.
/// </summary>
/// <param name="file">The file.</param>
/// <param name="start">Where the message begins.</param>
/// <param name="length">Its bytes.</param>
internal struct ProtobufReader(MappedFile file, long start, long length)
{
    private const int Number = 0, Fixed64 = 1, Delimited = 2, Fixed32 = 5;
    private const int MaxTextBytes = 1 << 16;
    private readonly long _end = start + length;
    private long _at = start;

    /// <summary>The number of the field.</summary>
    public int Field { get; private set; }

    /// <summary>Whether the field is a message, a text or bytes.</summary>
    public bool IsDelimited { get; private set; }

    /// <summary>The value of a field that is a number.</summary>
    public ulong Value { get; private set; }

    /// <summary>Where the bytes of a delimited field lie.</summary>
    public long Start { get; private set; }

    /// <summary>How many they are.</summary>
    public long Length { get; private set; }

    /// <summary>Goes to the next field.</summary>
    /// <returns>Whether there is one.</returns>
    /// <exception cref="InvalidDataException">The message is damaged.</exception>
    public bool Next()
    {
        if (_at == _end) return false;
        ulong tag = Varint();
        if (tag >> 3 is 0 or > int.MaxValue) throw Damaged($"a field has the number {tag >> 3}");
        (Field, IsDelimited, Value, Length) = ((int)(tag >> 3), (tag & 7) == Delimited, 0, 0);
        switch ((int)(tag & 7))
        {
            case Number:
                Value = Varint();
                return true;
            case Delimited:
                ulong bytes = Varint();
                if (bytes > (ulong)(_end - _at)) throw Damaged($"field {Field} claims {bytes} bytes where {_end - _at} are left");
                (Start, Length) = (_at, (long)bytes);
                _at += Length;
                return true;
            case Fixed32:
                Value = BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint)));
                return true;
            case Fixed64:
                Value = BinaryPrimitives.ReadUInt64LittleEndian(Take(sizeof(ulong)));
                return true;
            default:
                throw Damaged($"field {Field} has the unknown wire type {tag & 7}");
        }
    }

    /// <summary>The message that the field is.</summary>
    /// <exception cref="InvalidDataException">It is none.</exception>
    public readonly ProtobufReader Message() =>
        IsDelimited ? new ProtobufReader(file, Start, Length) : throw Damaged($"field {Field} is no message");

    /// <summary>The text that the field is.</summary>
    /// <param name="most">Bytes that it may have.</param>
    /// <exception cref="InvalidDataException">It is none, or too long.</exception>
    public readonly string Text(int most = MaxTextBytes)
    {
        if (!IsDelimited) throw Damaged($"field {Field} is no text");
        if (Length > most) throw Damaged($"field {Field} is a text of {Length} bytes, at most {most} are read");
        return Encoding.UTF8.GetString(file.Slice(Start, (int)Length));
    }

    /// <summary>Adds the numbers of a repeated field, packed or not.</summary>
    /// <exception cref="InvalidDataException">There are more than <paramref name="most"/>.</exception>
    public readonly void AddTo(List<long> numbers, int most)
    {
        if (!IsDelimited)
        {
            Add(numbers, (long)Value, most);
            return;
        }

        ProtobufReader packed = new(file, Start, Length);
        while (packed._at < packed._end) Add(numbers, (long)packed.Varint(), most);
    }

    private readonly void Add(List<long> numbers, long number, int most)
    {
        if (numbers.Count >= most) throw BadFile.Error(file.Path, $"a list has more than {most} numbers");
        numbers.Add(number);
    }

    private ulong Varint()
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            byte next = Take(1)[0];
            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80) return value;
        }

        throw Damaged("a number has more than 64 bits");
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > _end - _at) throw Damaged("a field is cut off");
        _at += count;
        return file.Slice(_at - count, count);
    }

    private readonly InvalidDataException Damaged(string problem) =>
        BadFile.Error(file.Path, $"it looks like an ONNX file and is damaged near byte {_at}: {problem}");
}
