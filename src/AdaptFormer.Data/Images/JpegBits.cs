using System.Buffers.Binary;

namespace AdaptFormer.Data.Images;

/// <summary>A Huffman table of a JPEG: codes of up to nine bits by one look-up, longer ones length by length.</summary>
internal sealed class JpegHuffmanTable
{
    public const int LookBits = 9, MaxBits = 16;

    private readonly ushort[] _look = new ushort[1 << LookBits];      // length and symbol; 0 where the code is longer
    private readonly int[] _end = new int[MaxBits + 1], _offset = new int[MaxBits + 1];
    private readonly byte[] _symbols;

    private JpegHuffmanTable(byte[] symbols) => _symbols = symbols;

    /// <summary>Whether all symbols are possible lengths of a DC difference.</summary>
    public bool FitsDc => _symbols.All(symbol => symbol <= 15);

    /// <summary>Makes a table.</summary>
    /// <param name="counts">Number of codes of 1 to 16 bits.</param>
    /// <param name="symbols">What they mean, in the order of the codes.</param>
    /// <returns>Null if there are more codes of a length than there can be.</returns>
    public static JpegHuffmanTable? Create(ReadOnlySpan<byte> counts, ReadOnlySpan<byte> symbols)
    {
        JpegHuffmanTable table = new(symbols.ToArray());
        for (int length = 1, code = 0, at = 0; length <= MaxBits; length++, code <<= 1)
        {
            table._offset[length] = at - code;
            for (int i = 0; i < counts[length - 1]; i++, code++, at++)
            {
                if (code >= 1 << length) return null;
                if (length > LookBits) continue;
                int rest = LookBits - length;
                table._look.AsSpan(code << rest, 1 << rest).Fill((ushort)((length << 8) | symbols[at]));
            }

            table._end[length] = code;
        }

        return table;
    }

    /// <summary>The code that sixteen bits begin with.</summary>
    /// <returns>Length and symbol; a length of 0 if there is no such code.</returns>
    public (int Length, int Symbol) Find(int bits)
    {
        int entry = _look[bits >> (MaxBits - LookBits)];
        if (entry != 0) return (entry >> 8, entry & 255);
        for (int length = LookBits + 1; length <= MaxBits; length++)
        {
            int code = bits >> (MaxBits - length);
            if (code < _end[length]) return (length, _symbols[code + _offset[length]]);
        }

        return (0, 0);
    }
}

/// <summary>Reads the entropy-coded bits of a scan up to the next marker. Once a read fails, <see cref="Problem"/> says why.</summary>
internal ref struct JpegBits(ReadOnlySpan<byte> data, int at)
{
    private readonly ReadOnlySpan<byte> _data = data;
    private int _at = at, _count;
    private ulong _bits;      // the next bit is the highest

    /// <summary>What was wrong; null as long as nothing is.</summary>
    public string? Problem { get; private set; }

    /// <summary>Reads a symbol; -1 where there is none.</summary>
    public int Symbol(JpegHuffmanTable table)
    {
        if (_count < JpegHuffmanTable.MaxBits) Fill();
        (int length, int symbol) = table.Find((int)(_bits >> 48));
        if (length > 0 && length <= _count)
        {
            _bits <<= length;
            _count -= length;
            return symbol;
        }

        Problem = _count < JpegHuffmanTable.MaxBits ? "a scan ends early" : "a bad Huffman code";
        return -1;
    }

    /// <summary>Reads a number of 0 to 16 bits; -1 where there are too few.</summary>
    public int Number(int bits)
    {
        if (bits == 0) return 0;
        if (_count < bits) Fill();
        if (_count < bits)
        {
            Problem = "a scan ends early";
            return -1;
        }

        int value = (int)(_bits >> (64 - bits));
        _bits <<= bits;
        _count -= bits;
        return value;
    }

    /// <summary>Leaves out what fills up the last byte, and finds the marker that must follow.</summary>
    /// <param name="superfluous">Whole bytes between the two.</param>
    /// <returns>Where the marker's 0xFF stands; the end of the data if there is none.</returns>
    public int Marker(out int superfluous)
    {
        superfluous = _count / 8;
        int at = _at;
        for (; at < _data.Length - 1; at++)
        {
            if (_data[at] == 0xFF && _data[at + 1] is not (0 or 0xFF)) break;
            superfluous += _data[at] == 0xFF && _data[at + 1] == 0xFF ? 0 : 1;
        }

        (_bits, _count) = (0, 0);
        return at < _data.Length - 1 ? at : _data.Length;
    }

    private void Fill()
    {
        if (_at <= _data.Length - 8)
        {
            ulong next = BinaryPrimitives.ReadUInt64BigEndian(_data[_at..]);
            if (((~next - 0x0101010101010101) & next & 0x8080808080808080) == 0)      // none of the eight is 0xFF
            {
                int bytes = (64 - _count) / 8;
                _bits |= _count == 64 ? 0 : next >> _count;
                _at += bytes;
                _count += bytes * 8;
                return;
            }
        }

        for (; _count <= 56 && _at < _data.Length; _at++)
        {
            byte value = _data[_at];
            if (value == 0xFF)
            {
                if (_at + 1 >= _data.Length || _data[_at + 1] != 0) return;
                _at++;      // FF 00 means FF
            }

            // Bits after the last whole byte may be there already: they are the same.
            _bits = (_bits & ~(0xFFUL << (56 - _count))) | ((ulong)value << (56 - _count));
            _count += 8;
        }
    }
}
