using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using AdaptFormer.Tensors;

namespace AdaptFormer.Files;

/// <summary>The header of a numpy array: type, order and shape, written as a Python dictionary.</summary>
/// <param name="Type">How the elements are stored.</param>
/// <param name="Shape">Lengths of the axes.</param>
/// <param name="ColumnMajor">Whether the first axis runs fastest (Fortran order).</param>
/// <param name="Length">Bytes before the elements.</param>
internal readonly record struct NpyHeader(FileDataType Type, Shape Shape, bool ColumnMajor, int Length)
{
    /// <summary>Bytes that tell a numpy array and its version and header length; older versions need two fewer.</summary>
    public const int PreambleBytes = 12;

    private const int MaxHeaderBytes = 64 << 10;

    /// <summary>Bytes of the whole header, told by its first bytes.</summary>
    /// <exception cref="InvalidDataException">The bytes do not begin a numpy array.</exception>
    public static int TotalLength(string path, string key, ReadOnlySpan<byte> preamble)
    {
        if (preamble.Length < PreambleBytes || !IsNumpy(preamble)) throw BadFile.Error(path, key, "it is not a numpy array");
        int version = preamble[6];
        long length = version == 1
            ? 10 + (long)BitConverter.ToUInt16(preamble[8..])
            : PreambleBytes + (long)BitConverter.ToUInt32(preamble[8..]);
        if (version is < 1 or > 3) throw BadFile.Error(path, key, $"its numpy format version {version} is not known; known: 1, 2, 3");
        if (length > MaxHeaderBytes)
            throw BadFile.Error(path, key, $"its numpy header has {length} bytes, at most {MaxHeaderBytes} are read");
        return (int)length;
    }

    /// <summary>Whether the bytes begin a numpy array.</summary>
    public static bool IsNumpy(ReadOnlySpan<byte> bytes) => bytes.Length >= 6 && bytes[0] == 0x93 && bytes[1..6].SequenceEqual("NUMPY"u8);

    /// <summary>Reads the whole header.</summary>
    /// <exception cref="InvalidDataException">The header is damaged or describes an array that is not read.</exception>
    public static NpyHeader Parse(string path, string key, ReadOnlySpan<byte> header)
    {
        int start = header.Length >= PreambleBytes && header[6] == 1 ? 10 : PreambleBytes;
        if (header.Length < TotalLength(path, key, header)) throw BadFile.Error(path, key, "its numpy header is cut short");
        return new Parser(path, key, Encoding.Latin1.GetString(header[start..])).Parse(header.Length);
    }

    /// <summary>Elements from one index to the next, per axis; default in row-major order.</summary>
    public ImmutableArray<long> Strides()
    {
        if (!ColumnMajor || Shape.Rank < 2) return default;
        ImmutableArray<long>.Builder strides = ImmutableArray.CreateBuilder<long>(Shape.Rank);
        long stride = 1;
        foreach (int dim in Shape.Dims)
        {
            strides.Add(stride);
            stride *= Math.Max(dim, 1);
        }

        return strides.MoveToImmutable();
    }

    /// <summary>Reads the one form of dictionary that numpy writes: three known keys, each once.</summary>
    private sealed class Parser(string path, string key, string text)
    {
        private int _at;

        public NpyHeader Parse(int length)
        {
            FileDataType? type = null;
            bool? columnMajor = null;
            List<long>? dims = null;
            Expect('{');
            while (!Accept('}'))
            {
                string field = Text();
                Expect(':');
                if (field == "descr" && type is null) type = Type(Text());
                else if (field == "fortran_order"
                    && columnMajor is null) columnMajor = Accept("True") || (Accept("False") ? false : throw Damaged());
                else if (field == "shape" && dims is null) dims = Tuple();
                else throw BadFile.Error(path, key,
                    $"its numpy header has the field '{BadFile.Shorten(field)}' twice, or should not have it");
                if (!Accept(',') && Peek() != '}') throw Damaged();
            }

            if (Peek() != '\0') throw Damaged();
            if (type is null || columnMajor is null || dims is null)
                throw BadFile.Error(path, key, "its numpy header lacks descr, fortran_order or shape");
            if (!FileShapes.TryCreate([.. dims], type.Value.Size(), out Shape shape, out string problem))
                throw BadFile.Error(path, key, problem);
            return new NpyHeader(type.Value, shape, columnMajor.Value, length);
        }

        private FileDataType Type(string code) => code switch
        {
            "<f4" => FileDataType.Float32,
            "<f8" => FileDataType.Float64,
            "<f2" => FileDataType.Float16,
            "|V2" => FileDataType.BFloat16,      // JAX saves bfloat16 as two bytes of no type that numpy knows
            "|b1" => FileDataType.Bool,
            "|i1" => FileDataType.Int8,
            "|u1" => FileDataType.UInt8,
            "<i2" => FileDataType.Int16,
            "<u2" => FileDataType.UInt16,
            "<i4" => FileDataType.Int32,
            "<u4" => FileDataType.UInt32,
            "<i8" => FileDataType.Int64,
            "<u8" => FileDataType.UInt64,
            "|O" => throw BadFile.Error(path, key, "it holds pickled Python objects, which are never read from numpy files"),
            _ => throw BadFile.Error(path, key,
                $"its numpy type '{BadFile.Shorten(code)}' is not read; little-endian floats, integers and booleans are"),
        };

        private List<long> Tuple()
        {
            List<long> dims = [];
            Expect('(');
            while (!Accept(')'))
            {
                int start = SkipSpace();
                while (_at < text.Length && char.IsAsciiDigit(text[_at])) _at++;
                if (!long.TryParse(text.AsSpan(start, _at - start), NumberStyles.None, CultureInfo.InvariantCulture, out long dim))
                    throw Damaged();
                dims.Add(dim);
                _ = Accept('L');        // Python 2 marked long integers
                if (!Accept(',') && Peek() != ')') throw Damaged();
            }

            return dims;
        }

        private string Text()
        {
            char quote = Peek();
            if (quote is not ('\'' or '"')) throw Damaged();
            int end = text.IndexOf(quote, _at + 1);
            if (end < 0) throw Damaged();
            string inside = text[(_at + 1)..end];
            _at = end + 1;
            return inside;
        }

        private void Expect(char symbol)
        {
            if (!Accept(symbol)) throw Damaged();
        }

        private bool Accept(char symbol)
        {
            if (Peek() != symbol || _at == text.Length) return false;
            _at++;
            return true;
        }

        private bool Accept(string word)
        {
            SkipSpace();
            if (!text.AsSpan(_at).StartsWith(word, StringComparison.Ordinal)) return false;
            _at += word.Length;
            return true;
        }

        /// <summary>The next symbol that is no white space; a zero at the end.</summary>
        private char Peek() => SkipSpace() < text.Length ? text[_at] : '\0';

        private int SkipSpace()
        {
            while (_at < text.Length && text[_at] is ' ' or '\n' or '\t') _at++;
            return _at;
        }

        private InvalidDataException Damaged() => BadFile.Error(path, key, $"its numpy header is damaged at character {_at}");
    }
}
