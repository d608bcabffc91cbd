using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using AdaptFormer.Files;
using AdaptFormer.Tensors;
using Microsoft.Win32.SafeHandles;

namespace AdaptFormer.Runs.Caching;

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

    public bool Agrees(PrefixHeader? other) => other is not null
        && (Format, Key, Samples, Type) == (other.Format, other.Key, other.Samples, other.Type) && Dims.AsSpan().SequenceEqual(other.Dims);

    /// <summary>The header of the file at <paramref name="path"/>; null when there is none that can be read.</summary>
    public static PrefixHeader? Of(string path)
    {
        try
        {
            using FileStream file = File.OpenRead(path);
            return Of(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>The header at the start of a file; null when it cannot be read.</summary>
    public static PrefixHeader? Of(Stream file)
    {
        try
        {
            byte[] bytes = new byte[Bytes];
            file.Position = 0;
            file.ReadExactly(bytes);
            return JsonSerializer.Deserialize(Encoding.UTF8.GetString(bytes).TrimEnd('\0'), PrefixJson.Default.PrefixHeader);
        }
        catch (Exception e) when (e is EndOfStreamException or JsonException)
        {
            return null;
        }
    }
}

/// <summary>
/// Kept tensors, one record a sample. Each record's checksum is compared when it is first read. The file is read and not mapped: one that
/// somebody shortens meanwhile is an error, where a mapping would end the process.
/// </summary>
internal sealed class PrefixFile : IDisposable
{
    private readonly SafeFileHandle _file;
    private readonly bool[] _checked;

    private PrefixFile(string path, PrefixHeader header, SafeFileHandle file)
    {
        (Path, Header, _file) = (path, header, file);
        _checked = new bool[header.Samples];
    }

    public string Path { get; }

    public PrefixHeader Header { get; }

    /// <summary>Opens the file at <paramref name="path"/> if it is whole and has this header; null otherwise.</summary>
    public static PrefixFile? Open(string path, PrefixHeader header)
    {
        if (!header.Agrees(PrefixHeader.Of(path))) return null;
        try
        {
            SafeFileHandle file = File.OpenHandle(
                path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, FileOptions.RandomAccess);
            if (RandomAccess.GetLength(file) == header.FileBytes) return new PrefixFile(path, header, file);
            file.Dispose();
        }
        catch (FileNotFoundException)
        {
            // it made room for another one
        }

        return null;
    }

    /// <summary>Reads a sample's elements.</summary>
    /// <returns>Its class.</returns>
    /// <exception cref="InvalidDataException">The record is damaged, or the file was cut short.</exception>
    public int Read(int sample, Span<byte> elements)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)sample, (uint)Header.Samples, nameof(sample));
        Span<byte> preamble = stackalloc byte[PrefixHeader.Preamble];
        long at = PrefixHeader.Bytes + (sample * Header.RecordBytes);
        bool whole = ReadExactly(preamble, at) && ReadExactly(elements, at + PrefixHeader.Preamble);
        int label = BinaryPrimitives.ReadInt32LittleEndian(preamble);
        if (whole && !_checked[sample])
        {
            uint checksum = BinaryPrimitives.ReadUInt32LittleEndian(preamble[sizeof(int)..]);
            whole = _checked[sample] = PrefixRecord.Checksum(label, elements) == checksum;
        }

        if (!whole) throw BadFile.Error(Path, $"record {sample} is damaged; delete the file, and the next run makes it again");
        return label;
    }

    public void Dispose() => _file.Dispose();

    private bool ReadExactly(Span<byte> into, long at)
    {
        while (into.Length > 0)
        {
            int read = RandomAccess.Read(_file, into, at);
            if (read == 0) return false;
            into = into[read..];
            at += read;
        }

        return true;
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
    public static int CountSound(Stream file, PrefixHeader header)
    {
        int whole = (int)Math.Clamp((file.Length - PrefixHeader.Bytes) / header.RecordBytes, 0, header.Samples);
        byte[] record = new byte[header.RecordBytes];
        for (int i = Math.Max(0, whole - LastChecked); i < whole; i++)
        {
            file.Position = PrefixHeader.Bytes + (i * header.RecordBytes);
            file.ReadExactly(record);
            ReadOnlySpan<byte> elements = record.AsSpan(PrefixHeader.Preamble);
            uint checksum = BinaryPrimitives.ReadUInt32LittleEndian(record.AsSpan(sizeof(int)));
            if (Checksum(BinaryPrimitives.ReadInt32LittleEndian(record), elements) != checksum) return i;
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
