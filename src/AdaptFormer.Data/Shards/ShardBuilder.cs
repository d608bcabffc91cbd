using System.Buffers;
using System.Buffers.Binary;
using AdaptFormer.Files;
using Microsoft.Win32.SafeHandles;

namespace AdaptFormer.Data.Shards;

/// <summary>
/// Packs records into shards, several at once. A shard appears under its name when it is whole and on the disk, so an interruption at any
/// moment costs the shards in the making and breaks nothing; the next run makes what is missing. Shards of other data or settings that lie
/// in the folder are removed before any is made, so the limit holds for what is on the disk.
/// </summary>
/// <param name="folder">Where the shards go; made if it is not there.</param>
/// <param name="key">What the records are made of; shards with another key are removed.</param>
/// <param name="count">Number of records.</param>
/// <param name="tag">The maker's own number, kept in every shard.</param>
/// <param name="perShard">Records in a shard.</param>
/// <param name="maxBytes">Bytes that all shards together may have.</param>
public sealed class ShardBuilder(string folder, ShardKey key, int count, int tag = 0, int perShard = 1000, long maxBytes = long.MaxValue)
{
    private long _bytes;

    /// <summary>Makes a record: appends its bytes and says of which kind it is. Called from several threads at once.</summary>
    public delegate byte Maker(int number, ArrayBufferWriter<byte> into);

    /// <summary>Makes all shards that are not there.</summary>
    /// <param name="createMaker">Called once for each thread: the maker, and what is to be disposed with it.</param>
    /// <param name="progress">Told, from any thread, how many records of how many are done; may be null.</param>
    /// <param name="cancellation">Ends the work between two records.</param>
    /// <returns>Number of records that were made now; the others were there.</returns>
    /// <exception cref="IOException">The disk is full, or the limit is reached: the message says what stays.</exception>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public int Build(
        Func<(Maker Make, IDisposable Owned)> createMaker, Action<int, int>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(perShard);
        Disk.CreateFolder(folder);
        AtomicFile.RemoveAbandoned(folder);
        int shards = (int)(((long)count + perShard - 1) / perShard);
        string[] found = [.. ShardSet.FilesIn(folder)];     // before any is judged: another process may be making the same cache
        int[] missing = [.. Enumerable.Range(0, shards).Where(shard => !IsThere(shard))];
        IEnumerable<string> kept = Enumerable.Range(0, shards).Except(missing).Select(ShardSet.NameOf);
        foreach (string other in found.ExceptBy(kept, Path.GetFileName)) Disk.Delete(other);
        int made = missing.Sum(CountOf), done = count - made;
        progress?.Invoke(done, count);
        try
        {
            Parallel.ForEach(missing, new ParallelOptions
            {
                CancellationToken = cancellation,
                MaxDegreeOfParallelism = Environment.ProcessorCount
            }, createMaker, (shard, state, tools) =>
            {
                Write(shard, tools.Make, () => progress?.Invoke(Interlocked.Increment(ref done), count), cancellation);
                return tools;
            }, tools => tools.Owned.Dispose());
        }
        catch (AggregateException several)
        {
            throw several.InnerExceptions.FirstOrDefault(e => e is not OperationCanceledException) ?? several.InnerExceptions[0];
        }

        return made;
    }

    private int CountOf(int shard) => Math.Min(perShard, count - (shard * perShard));

    private bool IsThere(int shard)
    {
        string path = ShardSet.PathOf(folder, shard);
        if (!File.Exists(path)) return false;
        try
        {
            using SafeFileHandle file = File.OpenHandle(path);
            (ShardHeader header, _) = ShardSet.ReadIndex(file, path);
            if (header != Header(shard)) return false;
            _bytes += RandomAccess.GetLength(file);
            return true;
        }
        catch (InvalidDataException)
        {
            return false;
        }
    }

    private ShardHeader Header(int shard) => new(key.Low, key.High, shard * perShard, CountOf(shard), perShard, tag);

    private void Write(int shard, Maker make, Action done, CancellationToken cancellation) =>
        AtomicFile.Write(ShardSet.PathOf(folder, shard), stream =>
    {
        ShardHeader header = Header(shard);
        byte[] start = new byte[ShardHeader.Bytes + (header.Count * ShardHeader.EntryBytes)];
        header.Write(start);
        long at = start.Length;
        Grow(start.Length);
        stream.Position = at;
        ArrayBufferWriter<byte> record = new();
        for (int i = 0; i < header.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            record.ResetWrittenCount();
            byte kind = make(header.First + i, record);
            Grow(record.WrittenCount);
            stream.Write(record.WrittenSpan);
            Span<byte> entry = start.AsSpan(ShardHeader.Bytes + (i * ShardHeader.EntryBytes), ShardHeader.EntryBytes);
            BinaryPrimitives.WriteUInt64LittleEndian(entry, ((ulong)kind << 56) | (ulong)at);
            BinaryPrimitives.WriteInt32LittleEndian(entry[8..], record.WrittenCount);
            BinaryPrimitives.WriteUInt32LittleEndian(entry[12..], Crc32C.Compute(record.WrittenSpan));
            at += record.WrittenCount;
            done();
        }

        stream.Position = 0;
        stream.Write(start);
    });

    private void Grow(long bytes)
    {
        if (Interlocked.Add(ref _bytes, bytes) > maxBytes)
            throw new IOException($"The cache would exceed {maxBytes} bytes; allow more, or make its pictures smaller. Shards that are "
                + $"finished stay in {folder}.");
    }
}
