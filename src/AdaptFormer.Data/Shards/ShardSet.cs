using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using AdaptFormer.Data.Images;
using Microsoft.Win32.SafeHandles;

namespace AdaptFormer.Data.Shards;

/// <summary>
/// Records packed into a folder of shard files, read by number in any order from any thread. The indices stay in memory, 16 bytes a
/// record; every read is checked against its checksum.
/// </summary>
public sealed class ShardSet : IDisposable
{
    private const string Start = "shard-", Ending = ".bin";
    private readonly (SafeFileHandle File, byte[] Index, string Path)[] _shards;
    private readonly int _perShard;

    private ShardSet((SafeFileHandle, byte[], string)[] shards, int count, int perShard) =>
        (_shards, Count, _perShard) = (shards, count, perShard);

    /// <summary>Number of records.</summary>
    public int Count { get; }

    /// <summary>Bytes of all shards on disk.</summary>
    public long Bytes => _shards.Sum(shard => RandomAccess.GetLength(shard.File));

    /// <summary>Opens a complete set.</summary>
    /// <param name="folder">Where the shards lie.</param>
    /// <param name="key">What they must have been made of.</param>
    /// <param name="count">How many records there must be.</param>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="InvalidDataException">Shards are missing, damaged, or made of something else.</exception>
    public static ShardSet Open(string folder, ShardKey key, int count)
    {
        RequireFolder(folder);
        List<(SafeFileHandle, byte[], string)> shards = [];
        try
        {
            int perShard = 0;
            for (int first = 0; first < count; first += perShard)
            {
                string path = PathOf(folder, shards.Count);
                if (!File.Exists(path))
                    throw new InvalidDataException(
                        $"{path} is missing: the cache is not complete ({first} of {count} records); `adaptformer data cache` makes the "
                            + $"rest.");
                SafeFileHandle file = File.OpenHandle(path, options: FileOptions.RandomAccess);
                shards.Add((file, [], path));
                (ShardHeader header, byte[] index) = ReadIndex(file, path);
                if (header.KeyLow != key.Low)
                    throw new InvalidDataException(
                        $"{path} was made of other data or with other settings; build the cache again in another folder.");
                if (header.KeyHigh != key.High)
                {
                    throw new InvalidDataException(
                        $"{path} does not show the files as they are: some were changed or touched since (length or time of change "
                            + $"differ), or an earlier version made "
                        + $"it. Run `adaptformer data cache` with --output {folder} again, which makes it anew.");
                }

                if (header.First != first || header.PerShard < 1 || header.Count != Math.Min(header.PerShard, count - first)
                    || (perShard != 0 && perShard != header.PerShard))
                    throw new InvalidDataException(
                        $"{path} holds records {header.First} to {header.First + header.Count - 1}, which do not follow those before; "
                            + $"build the cache again.");
                perShard = header.PerShard;
                shards[^1] = (file, index, path);
            }

            return new ShardSet([.. shards], count, perShard);
        }
        catch
        {
            foreach ((SafeFileHandle file, _, _) in shards) file.Dispose();
            throw;
        }
    }

    /// <summary>The number that the maker of a folder's shards gave them.</summary>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="InvalidDataException">It holds no shard, or a damaged one.</exception>
    public static int TagOf(string folder)
    {
        RequireFolder(folder);
        string path = FilesIn(folder).Order(StringComparer.Ordinal)
            .FirstOrDefault() ?? throw new InvalidDataException(
                $"{folder} holds no shards; build the cache with `adaptformer data cache`.");
        using SafeFileHandle file = File.OpenHandle(path);
        return ReadIndex(file, path).Header.Tag;
    }

    /// <summary>The kind that the record's maker gave it.</summary>
    /// <param name="number">Record, in [0, <see cref="Count"/>).</param>
    public byte Kind(int number) => Entry(number).Kind;

    /// <summary>The shard that holds a record.</summary>
    /// <param name="number">Record, in [0, <see cref="Count"/>).</param>
    public string FileOf(int number) => _shards[number / _perShard].Path;

    /// <summary>Reads a record into pooled memory.</summary>
    /// <param name="number">Record, in [0, <see cref="Count"/>).</param>
    /// <exception cref="InvalidDataException">The record is damaged.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public ShardRecord Read(int number)
    {
        (byte kind, long offset, int length, uint crc) = Entry(number);
        SafeFileHandle file = _shards[number / _perShard].File;
        byte[] buffer = ArrayPool<byte>.Shared.Rent(length);
        int read = RandomAccess.Read(file, buffer.AsSpan(0, length), offset);
        if (read == length && Crc32C.Compute(buffer.AsSpan(0, length)) == crc) return new ShardRecord(kind, buffer, length);
        ArrayPool<byte>.Shared.Return(buffer);
        throw Damaged(number);
    }

    /// <summary>Bytes of a record.</summary>
    /// <param name="number">Record, in [0, <see cref="Count"/>).</param>
    internal int Length(int number) => Entry(number).Length;

    /// <summary>Reads a part of a record, which is not checked: the record's own format must have a checksum for it.</summary>
    /// <param name="number">Record, in [0, <see cref="Count"/>).</param>
    /// <param name="offset">Place in the record.</param>
    /// <param name="into">Receives the bytes.</param>
    /// <returns>Number of bytes; less than asked for where the file ends.</returns>
    internal int ReadPart(int number, int offset, Span<byte> into) =>
        RandomAccess.Read(_shards[number / _perShard].File, into, Entry(number).Offset + offset);

    /// <summary>The error of a record whose bytes are not those that were written.</summary>
    internal InvalidDataException Damaged(int number) =>
        new($"{FileOf(number)}: record {number} is damaged; delete the file and run `adaptformer data cache` again, which makes only what "
            + $"is missing.");

    /// <summary>The error that was kept in place of an item, which names the item; that of a damaged record where it does not.</summary>
    internal InvalidDataException Kept(int number, ReadOnlySpan<byte> text, string source)
    {
        string reason = Encoding.UTF8.GetString(text);
        return reason.Contains(source, StringComparison.Ordinal) ? new InvalidDataException(reason) : Damaged(number);
    }

    /// <summary>Decodes a picture that a record holds.</summary>
    /// <exception cref="InvalidDataException">It is none: the checksum is right, and the record is not.</exception>
    internal void Decode(int number, ReadOnlySpan<byte> picture, ImageBuffer into)
    {
        try
        {
            ImageDecoder.Decode(picture, into);
        }
        catch (InvalidDataException)
        {
            throw Damaged(number);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach ((SafeFileHandle file, _, _) in _shards) file.Dispose();
    }

    private static void RequireFolder(string folder)
    {
        if (!Directory.Exists(folder))
            throw new DirectoryNotFoundException($"There is no cache '{folder}'; build it with `adaptformer data cache`.");
    }

    internal static string PathOf(string folder, int shard) => Path.Combine(folder, NameOf(shard));

    internal static string NameOf(int shard) => $"{Start}{shard:00000}{Ending}";

    /// <summary>All files of a folder that are named as shards are: five digits or more.</summary>
    internal static IEnumerable<string> FilesIn(string folder) => Directory.EnumerateFiles(folder, $"{Start}*{Ending}")
        .Where(path => Path.GetFileName(path).AsSpan()[Start.Length..^Ending.Length] is { Length: >= 5 } number
            && !number.ContainsAnyExceptInRange('0', '9'));

    /// <summary>Header and index of a file whose records all lie within it.</summary>
    /// <exception cref="InvalidDataException">It is no shard, or truncated.</exception>
    internal static (ShardHeader Header, byte[] Index) ReadIndex(SafeFileHandle file, string path)
    {
        Span<byte> start = stackalloc byte[ShardHeader.Bytes];
        long length = RandomAccess.GetLength(file);
        if (RandomAccess.Read(file, start, 0) < start.Length || ShardHeader.Read(start) is not { } header || header.Count < 0
            || (long)header.Count * ShardHeader.EntryBytes > length - ShardHeader.Bytes)
        {
            throw new InvalidDataException($"{path} is not a shard, or is damaged.");
        }

        byte[] index = new byte[header.Count * ShardHeader.EntryBytes];
        int read = RandomAccess.Read(file, index, ShardHeader.Bytes);
        long end = ShardHeader.Bytes + index.Length;
        for (int i = 0; i < header.Count && read == index.Length; i++)
        {
            (_, long offset, int bytes, _) = Entry(index, i);
            if (offset != end || bytes < 0) throw new InvalidDataException($"{path}: its index is damaged.");
            end += bytes;
        }

        return read == index.Length && end == length
            ? (header, index)
            : throw new InvalidDataException($"{path} is truncated: {end} bytes expected, {length} there.");
    }

    private (byte Kind, long Offset, int Length, uint Crc) Entry(int number)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(number);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(number, Count);
        return Entry(_shards[number / _perShard].Index, number % _perShard);
    }

    private static (byte Kind, long Offset, int Length, uint Crc) Entry(ReadOnlySpan<byte> index, int at)
    {
        ReadOnlySpan<byte> entry = index.Slice(at * ShardHeader.EntryBytes, ShardHeader.EntryBytes);
        ulong place = BinaryPrimitives.ReadUInt64LittleEndian(entry);
        return ((byte)(place >> 56), (long)(place & 0x00FF_FFFF_FFFF_FFFF), BinaryPrimitives.ReadInt32LittleEndian(entry[8..]),
            BinaryPrimitives.ReadUInt32LittleEndian(entry[12..]));
    }
}

/// <summary>A record in pooled memory.</summary>
public readonly struct ShardRecord : IDisposable
{
    private readonly byte[] _buffer;
    private readonly int _length;

    internal ShardRecord(byte kind, byte[] buffer, int length) => (Kind, _buffer, _length) = (kind, buffer, length);

    /// <summary>The kind that its maker gave it.</summary>
    public byte Kind { get; }

    /// <summary>Its bytes; valid until <see cref="Dispose"/>.</summary>
    public ReadOnlySpan<byte> Bytes => _buffer.AsSpan(0, _length);

    /// <summary>Returns the memory.</summary>
    public void Dispose() => ArrayPool<byte>.Shared.Return(_buffer);
}
