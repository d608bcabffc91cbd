using System.Buffers.Binary;
using System.Text;

namespace AdaptFormer.Files;

/// <summary>
/// The directory of a mapped zip file, with zip64. It gives the place of each member, which .NET's own reader does not, and
/// refuses what only a damaged or hostile file has: members that overlap, occur twice, are encrypted, or inflate without measure.
/// </summary>
internal sealed class ZipFile : IDisposable
{
    // What all compressed members together may inflate to: weights hardly compress at all.
    private const long FreeInflation = 16 << 20;
    private const long MaxInflationRatio = 100;

    private const uint EndSignature = 0x06054b50, End64Signature = 0x06064b50, Locator64Signature = 0x07064b50;
    private const uint CentralSignature = 0x02014b50, LocalSignature = 0x04034b50;
    private const int EndLength = 22, End64Length = 56, Locator64Length = 20, CentralLength = 46, LocalLength = 30;

    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);
    private readonly MappedFile _file;
    private readonly OrderedDictionary<string, ZipMember> _members = new(StringComparer.Ordinal);

    private ZipFile(MappedFile file) => _file = file;

    /// <summary>The members by name, in the order of the directory, without folders.</summary>
    public IReadOnlyDictionary<string, ZipMember> Members => _members;

    /// <summary>Reads the directory. The map belongs to the result if the call succeeds.</summary>
    /// <exception cref="InvalidDataException">The file is no zip file, or is damaged or hostile.</exception>
    public static ZipFile Read(MappedFile file)
    {
        ZipFile zip = new(file);
        zip.ReadDirectory(zip.FindDirectory());
        return zip;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (ZipMember member in _members.Values) member.Dispose();
        _file.Dispose();
    }

    private readonly record struct Directory(long Offset, long Length, long Count);

    private Directory FindDirectory()
    {
        int searched = (int)Math.Min(_file.Length, EndLength + ushort.MaxValue);
        long searchStart = _file.Length - searched;
        ReadOnlySpan<byte> tail = _file.Slice(searchStart, searched);
        int at = searched - EndLength;
        while (at >= 0 && !(U32(tail, at) == EndSignature && at + EndLength + U16(tail, at + 20) == searched)) at--;
        if (at < 0)
            throw BadFile.Error(_file.Path,
                "it begins like a zip file, but the directory at its end is missing; the file is cut short or damaged");

        long end = searchStart + at;
        ReadOnlySpan<byte> record = tail[at..];
        Directory directory = new(U32(record, 16), U32(record, 12), U16(record, 10));
        if (U16(record, 4) != 0 || U16(record, 6) != 0 || U16(record, 8) != U16(record, 10))
            throw BadFile.Error(_file.Path, "the zip file is split over several files");
        if (end >= Locator64Length && U32(_file.Slice(end - Locator64Length, 4), 0) == Locator64Signature)
            directory = Directory64(ref end, directory);

        if (directory.Offset < 0 || directory.Length < 0 || directory.Offset > end || directory.Offset + directory.Length != end
            || directory.Length > int.MaxValue)
            throw BadFile.Error(_file.Path,
                $"the zip directory of {directory.Length} bytes at {directory.Offset} does not end where it should, at {end}");
        if (directory.Count < 0 || directory.Count > directory.Length / CentralLength)
            throw BadFile.Error(_file.Path, $"the zip directory of {directory.Length} bytes cannot list {directory.Count} members");
        return directory;
    }

    private Directory Directory64(ref long end, Directory small)
    {
        ReadOnlySpan<byte> locator = _file.Slice(end - Locator64Length, Locator64Length);
        long at = I64(locator, 8);
        if (U32(locator, 4) != 0 || U32(locator, 16) > 1 || at != end - Locator64Length - End64Length
            || U32(_file.Slice(at, 4), 0) != End64Signature)
            throw BadFile.Error(_file.Path, "the zip64 record is damaged");

        ReadOnlySpan<byte> record = _file.Slice(at, End64Length);
        Directory large = new(I64(record, 48), I64(record, 40), I64(record, 32));
        bool agrees = (small.Offset == uint.MaxValue || small.Offset == large.Offset)
            && (small.Length == uint.MaxValue || small.Length == large.Length)
            && (small.Count == ushort.MaxValue || small.Count == large.Count);
        if (!agrees || U32(record, 16) != 0 || U32(record, 20) != 0 || I64(record, 24) != large.Count)
            throw BadFile.Error(_file.Path, "the zip64 record and the end of the zip file contradict each other");
        end = at;
        return large;
    }

    private void ReadDirectory(Directory directory)
    {
        ReadOnlySpan<byte> rest = _file.Slice(directory.Offset, (int)directory.Length);
        List<(long Start, long End, string Name)> ranges = [];
        long inflated = 0;
        for (long i = 0; i < directory.Count; i++)
        {
            if (rest.Length < CentralLength || U32(rest, 0) != CentralSignature)
                throw BadFile.Error(_file.Path, $"entry {i} of the zip directory is damaged");
            int nameLength = U16(rest, 28), extraLength = U16(rest, 30), commentLength = U16(rest, 32);
            if (rest.Length < CentralLength + nameLength + extraLength + commentLength)
                throw BadFile.Error(_file.Path, $"entry {i} of the zip directory is cut short");

            ReadOnlySpan<byte> rawName = rest.Slice(CentralLength, nameLength);
            string name = DecodeName(rawName);
            (long headerOffset, ZipMember member, long dataEnd) =
                ReadMember(name, rawName, rest, rest.Slice(CentralLength + nameLength, extraLength), directory.Offset);
            ranges.Add((headerOffset, dataEnd, name));
            if (member.IsCompressed) inflated += member.Length;
            if (inflated > FreeInflation + (MaxInflationRatio * _file.Length))
                throw BadFile.Error(_file.Path, name, $"the compressed members claim more than {MaxInflationRatio} times the size of "
                    + "the file; weights do not compress like that");
            if (!name.EndsWith('/') && !_members.TryAdd(name, member)) throw BadFile.Error(_file.Path, name, "the zip file holds it twice");
            rest = rest[(CentralLength + nameLength + extraLength + commentLength)..];
        }

        if (!rest.IsEmpty) throw BadFile.Error(_file.Path, "the zip directory goes on after its last entry");
        ranges.Sort();
        for (int i = 1; i < ranges.Count; i++)
        {
            if (ranges[i].Start < ranges[i - 1].End)
                throw BadFile.Error(_file.Path, ranges[i].Name, $"it overlaps '{BadFile.Shorten(ranges[i - 1].Name)}' in the zip file");
        }
    }

    private (long HeaderOffset, ZipMember Member, long DataEnd) ReadMember(
        string name, ReadOnlySpan<byte> rawName, ReadOnlySpan<byte> entry, ReadOnlySpan<byte> extra, long directoryOffset)
    {
        int flags = U16(entry, 8), method = U16(entry, 10);
        if ((flags & 1) != 0) throw BadFile.Error(_file.Path, name, "it is encrypted");
        if (method is not (0 or 8))
            throw BadFile.Error(_file.Path, name,
                $"it is compressed by method {method}; only stored (0) and deflated (8) members are read");

        long compressed = U32(entry, 20), length = U32(entry, 24), header = U32(entry, 42);
        ReadExtra64(name, extra, ref length, ref compressed, ref header);
        if (header < 0 || header > directoryOffset - LocalLength)
            throw BadFile.Error(_file.Path, name, $"its header at {header} lies outside the file's content");

        ReadOnlySpan<byte> local = _file.Slice(header, LocalLength);
        long data = header + LocalLength + U16(local, 26) + U16(local, 28);
        bool agrees = U32(local, 0) == LocalSignature && U16(local, 8) == method && U16(local, 26) == rawName.Length
            && _file.Slice(header + LocalLength, rawName.Length).SequenceEqual(rawName);
        if (!agrees) throw BadFile.Error(_file.Path, name, "its header and the zip directory contradict each other");
        if (compressed < 0 || length < 0 || data > directoryOffset || compressed > directoryOffset - data)
            throw BadFile.Error(_file.Path, name, $"its {compressed} bytes at {data} reach beyond the file's content");

        ZipMember member = new(_file, name, method == 8, data, compressed, length, U32(entry, 16));
        return (header, member, data + compressed);
    }

    /// <summary>Replaces the values that did not fit 32 bits by those of the zip64 field, which lists just these, in this order.</summary>
    private void ReadExtra64(string name, ReadOnlySpan<byte> extra, ref long length, ref long compressed, ref long header)
    {
        if (length != uint.MaxValue && compressed != uint.MaxValue && header != uint.MaxValue) return;
        while (extra.Length >= 4 && extra.Length - 4 >= U16(extra, 2))
        {
            ReadOnlySpan<byte> field = extra.Slice(4, U16(extra, 2));
            if (U16(extra, 0) == 1)
            {
                if (Next(ref field, ref length) && Next(ref field, ref compressed) && Next(ref field, ref header)) return;
                break;
            }

            extra = extra[(4 + field.Length)..];
        }

        throw BadFile.Error(_file.Path, name, "its zip64 sizes are missing");

        static bool Next(ref ReadOnlySpan<byte> field, ref long value)
        {
            if (value != uint.MaxValue) return true;
            if (field.Length < 8) return false;
            value = I64(field, 0);
            field = field[8..];
            return true;
        }
    }

    private string DecodeName(ReadOnlySpan<byte> raw)
    {
        try
        {
            return StrictUtf8.GetString(raw);
        }
        catch (DecoderFallbackException e)
        {
            throw new InvalidDataException($"{_file.Path}: a name in the zip directory is not valid UTF-8.", e);
        }
    }

    private static int U16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    private static uint U32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);

    private static long I64(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadInt64LittleEndian(bytes[at..]);
}
