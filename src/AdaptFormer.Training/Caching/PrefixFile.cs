using System.Buffers.Binary;
using System.IO.MemoryMappedFiles;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Files;

namespace AdaptFormer.Training.Caching;

/// <summary>What a file of kept tensors holds.</summary>
/// <param name="Format">Version of the layout.</param>
/// <param name="Key">Digest of everything that the tensors depend on.</param>
/// <param name="Samples">Number of records.</param>
/// <param name="Dims">Shape of one sample.</param>
/// <param name="Type">Type of the elements.</param>
internal sealed record PrefixHeader(int Format, string Key, int Samples, int[] Dims, DataType Type)
{
    public const int CurrentFormat = 1;

    /// <summary>Bytes ahead of the first record.</summary>
    public const int Bytes = 4096;

    /// <summary>Label and checksum ahead of a record's elements, padded to a cache line.</summary>
    public const int Preamble = 64;

    [JsonIgnore]
    public int Elements => Dims.Aggregate(1, (a, b) => a * b);

    [JsonIgnore]
    public long RecordBytes => Preamble + ((long)Elements * Type.Size());

    [JsonIgnore]
    public long FileBytes => Bytes + (Samples * RecordBytes);

    public byte[] ToBytes()
    {
        byte[] bytes = new byte[Bytes];
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(this, PrefixJson.Default.PrefixHeader);
        if (json.Length > Bytes) throw new InvalidOperationException("PrefixHeader: it does not fit its place.");
        json.CopyTo(bytes, 0);
        return bytes;
    }

    public bool Agrees(PrefixHeader? other) =>
        other is not null && (Format, Key, Samples, Type) == (other.Format, other.Key, other.Samples, other.Type) && Dims.AsSpan().SequenceEqual(other.Dims);

    /// <summary>The header of the file at <paramref name="path"/>; null when there is none that can be read.</summary>
    public static PrefixHeader? Of(string path)
    {
        try
        {
            using FileStream file = File.OpenRead(path);
            byte[] bytes = new byte[Bytes];
            file.ReadExactly(bytes);
            return JsonSerializer.Deserialize(Encoding.UTF8.GetString(bytes).TrimEnd('\0'), PrefixJson.Default.PrefixHeader);
        }
        catch (Exception e) when (e is IOException or JsonException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}

/// <summary>Kept tensors in mapped memory, one record a sample. Each record's checksum is compared when it is first read.</summary>
internal sealed unsafe class PrefixFile : IDisposable
{
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly byte* _start;
    private readonly bool[] _checked;

    public PrefixFile(string path, PrefixHeader header)
    {
        (Path, Header) = (path, header);
        _file = MemoryMappedFile.CreateFromFile(path, FileMode.Open, mapName: null, 0, MemoryMappedFileAccess.Read);
        _view = _file.CreateViewAccessor(0, header.FileBytes, MemoryMappedFileAccess.Read);
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
        _start += _view.PointerOffset;
        _checked = new bool[header.Samples];
    }

    public string Path { get; }

    public PrefixHeader Header { get; }

    /// <summary>Class of a sample.</summary>
    public int Label(int sample) => *(int*)Record(sample);

    /// <summary>A sample's elements.</summary>
    /// <exception cref="InvalidDataException">The record is damaged.</exception>
    public ReadOnlySpan<byte> Elements(int sample)
    {
        byte* record = Record(sample);
        ReadOnlySpan<byte> elements = new(record + PrefixHeader.Preamble, checked((int)(Header.RecordBytes - PrefixHeader.Preamble)));
        if (_checked[sample]) return elements;
        if (PrefixRecord.Checksum(*(int*)record, elements) != *(uint*)(record + sizeof(int)))
            throw new InvalidDataException($"{Path}: record {sample} is damaged; delete the file, and the next run makes it again.");
        _checked[sample] = true;
        return elements;
    }

    public void Dispose()
    {
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
    }

    private byte* Record(int sample)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)sample, (uint)Header.Samples, nameof(sample));
        return _start + PrefixHeader.Bytes + (sample * Header.RecordBytes);
    }
}

/// <summary>A record's checksum and its place in a file.</summary>
internal static class PrefixRecord
{
    public static uint Checksum(int label, ReadOnlySpan<byte> elements)
    {
        Span<byte> bytes = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, label);
        return Crc32.Compute(elements, Crc32.Compute(bytes));
    }

    /// <summary>Appends a record to <paramref name="file"/>.</summary>
    public static void Append(Stream file, int label, ReadOnlySpan<byte> elements)
    {
        Span<byte> preamble = stackalloc byte[PrefixHeader.Preamble];
        preamble.Clear();
        BinaryPrimitives.WriteInt32LittleEndian(preamble, label);
        BinaryPrimitives.WriteUInt32LittleEndian(preamble[sizeof(int)..], Checksum(label, elements));
        file.Write(preamble);
        file.Write(elements);
    }

    /// <summary>How many whole and sound records stand at the start of an unfinished file.</summary>
    public static int CountSound(FileStream file, PrefixHeader header)
    {
        int whole = (int)Math.Clamp((file.Length - PrefixHeader.Bytes) / header.RecordBytes, 0, header.Samples);
        byte[] record = new byte[header.RecordBytes];
        for (int i = Math.Max(0, whole - LastChecked); i < whole; i++)
        {
            file.Position = PrefixHeader.Bytes + (i * header.RecordBytes);
            file.ReadExactly(record);
            ReadOnlySpan<byte> elements = record.AsSpan(PrefixHeader.Preamble);
            if (Checksum(BinaryPrimitives.ReadInt32LittleEndian(record), elements) != BinaryPrimitives.ReadUInt32LittleEndian(record.AsSpan(sizeof(int)))) return i;
        }

        return whole;
    }

    // What an interruption can have torn lies at the end; the rest is checked when it is read.
    private const int LastChecked = 256;
}

/// <summary>How headers are written.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, UseStringEnumConverter = true)]
[JsonSerializable(typeof(PrefixHeader))]
internal sealed partial class PrefixJson : JsonSerializerContext;
