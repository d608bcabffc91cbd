using System.Buffers;
using System.Buffers.Binary;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Images;

namespace AdaptFormer.Data.Shards;

/// <summary>A data set whose items come from a cache. Its shards are open until it is disposed.</summary>
public sealed class CachedDataset : LabelledDataset, IDisposable
{
    private const int StackBytes = 2048;
    private readonly LabelledDataset _inner;
    private readonly ShardSet _shards;
    private readonly int _every;

    internal CachedDataset(LabelledDataset inner, ShardSet shards, int every) => (_inner, _shards, _every) = (inner, shards, every);

    /// <inheritdoc/>
    public override string Name => _inner.Name;

    /// <inheritdoc/>
    public override int Count => _inner.Count;

    /// <inheritdoc/>
    public override bool OfClips => _inner.OfClips;

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames => _inner.ClassNames;

    /// <summary>Bytes of the cache on disk.</summary>
    public long Bytes => _shards.Bytes;

    /// <summary>Items that could not be read when the cache was made.</summary>
    public IEnumerable<int> Unreadable => Enumerable.Range(0, Count).Where(index => _shards.Kind(index) == ItemCache.Error);

    /// <inheritdoc/>
    public override bool MultiLabel => _inner.MultiLabel;

    /// <inheritdoc/>
    public override IReadOnlyList<int> Labels(int index) => _inner.Labels(index);

    /// <inheritdoc/>
    public override int Label(int index) => _inner.Label(index);

    /// <inheritdoc/>
    public override string Source(int index) => _inner.Source(index);

    /// <inheritdoc/>
    public override string FileOf(int index) => _shards.FileOf(index);

    /// <inheritdoc/>
    public override int FrameCount(int index)
    {
        Span<byte> start = stackalloc byte[ClipRecord.StartBytes];
        int kept = Start(index, start);
        byte[]? rented = null;
        Span<byte> table = ClipRecord.TableBytes(kept) is var bytes && bytes <= StackBytes
            ? stackalloc byte[StackBytes]
            : rented = ArrayPool<byte>.Shared.Rent(bytes);
        try
        {
            return Table(index, table[..bytes]).Frames;
        }
        finally
        {
            if (rented is not null) ArrayPool<byte>.Shared.Return(rented);
        }
    }

    /// <inheritdoc/>
    public override void Load(int index, ReadOnlySpan<int> frames, ClipBuffer into, int shortSide = WholeFrames)
    {
        Span<byte> start = stackalloc byte[ClipRecord.StartBytes];
        int bytes = ClipRecord.TableBytes(Start(index, start));
        byte[] rented = ArrayPool<byte>.Shared.Rent(bytes);
        try
        {
            ClipRecord record = Table(index, rented.AsSpan(0, bytes));
            into.Reset(frames.Length);
            for (int t = 0, last = -1; t < frames.Length; t++)
            {
                int kept = frames[t] / _every;
                ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)kept, (uint)record.Kept, nameof(frames));
                if (kept == last) into[t].CopyFrom(into[t - 1]);
                else Decode(index, record, kept, into[t]);
                if (into[t].Width != into[0].Width || into[t].Height != into[0].Height)
                    throw new InvalidDataException(
                        $"{Source(index)}: frame {frames[t]} is {into[t].Width}x{into[t].Height} pixels, frame {frames[0]} "
                            + $"{into[0].Width}x{into[0].Height}.");
                last = kept;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _shards.Dispose();

    private void Decode(int index, ClipRecord record, int kept, ImageBuffer into)
    {
        int length = record.Length(kept);
        byte[] rented = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            Span<byte> frame = rented.AsSpan(0, length);
            if (_shards.ReadPart(index, record.Offset(kept), frame) < length || Crc32C.Compute(frame) != record.Crc(kept))
                throw _shards.Damaged(index);
            if (_shards.Kind(index) == ItemCache.Jpegs) _shards.Decode(index, frame, into);
            else ReadPixels(index, frame, into);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    private void ReadPixels(int index, ReadOnlySpan<byte> frame, ImageBuffer into)
    {
        (int width, int height) = frame.Length < ClipRecord.SidesBytes
            ? (0, 0)
            : (BinaryPrimitives.ReadInt32LittleEndian(frame), BinaryPrimitives.ReadInt32LittleEndian(frame[4..]));
        (height, Orientation orientation) =
            (height & ((1 << ClipRecord.OrientationShift) - 1), (Orientation)(height >> ClipRecord.OrientationShift));
        if (width < 1 || height < 1 || orientation is < Orientation.Normal or > Orientation.QuarterLeft
            || (3L * width * height) + ClipRecord.SidesBytes != frame.Length)
            throw _shards.Damaged(index);
        into.Reset(width, height);
        into.Orientation = orientation;
        frame[ClipRecord.SidesBytes..].CopyTo(into.Pixels);
    }

    /// <summary>Reads the start of a record.</summary>
    /// <returns>Number of kept frames.</returns>
    /// <exception cref="InvalidDataException">The item could not be read when the cache was made, or the record is damaged.</exception>
    private int Start(int index, Span<byte> start)
    {
        if (_shards.Kind(index) == ItemCache.Error)
        {
            using ShardRecord error = _shards.Read(index);
            throw _shards.Kept(index, error.Bytes, Source(index));
        }

        int kept = _shards.Kind(index) is ItemCache.Jpegs or ItemCache.Pixels && _shards.ReadPart(index, 0, start) == start.Length
            ? ClipRecord.KeptIn(start, _shards.Length(index))
            : -1;
        return kept > 0 ? kept : throw _shards.Damaged(index);
    }

    private ClipRecord Table(int index, Span<byte> table) =>
        _shards.ReadPart(index, 0, table) == table.Length && ClipRecord.TryRead(table, _shards.Length(index), out ClipRecord record)
            && record.Kept == (record.Frames + (long)_every - 1) / _every
            ? record
            : throw _shards.Damaged(index);
}
