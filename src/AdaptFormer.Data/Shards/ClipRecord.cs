using System.Buffers;
using System.Buffers.Binary;

namespace AdaptFormer.Data.Shards;

/// <summary>
/// The frames of a picture or clip as one record of a shard: number of frames of the item and number of those kept (4 bytes each), for each
/// kept frame its length and its checksum (4 bytes each), the checksum of all that, the frames. So one frame is found and checked without
/// the others. All numbers are little-endian.
/// </summary>
internal readonly ref struct ClipRecord
{
    /// <summary>Bytes ahead of the pixels of a frame that is kept as such: width, and height with the orientation above it.</summary>
    public const int SidesBytes = 8;

    /// <summary>Bits of the height of such a frame below its orientation; it has 17 at most.</summary>
    public const int OrientationShift = 24;

    private const int Fixed = 8, Entry = 8, Checksum = 4;
    private readonly ReadOnlySpan<byte> _table;

    private ClipRecord(ReadOnlySpan<byte> table) => _table = table;

    /// <summary>Frames of the clip.</summary>
    public int Frames => BinaryPrimitives.ReadInt32LittleEndian(_table);

    /// <summary>Frames that are kept.</summary>
    public int Kept => BinaryPrimitives.ReadInt32LittleEndian(_table[4..]);

    /// <summary>Bytes of a table, its checksum included.</summary>
    public static int TableBytes(int kept) => Fixed + (kept * Entry) + Checksum;

    /// <summary>Bytes that say how many frames there are.</summary>
    public static int StartBytes => Fixed;

    /// <summary>The number of kept frames in the first <see cref="StartBytes"/> of a record; -1 where there can be no such
    /// record.</summary>
    /// <param name="start">The bytes.</param>
    /// <param name="length">Bytes of the record.</param>
    public static int KeptIn(ReadOnlySpan<byte> start, int length)
    {
        int kept = BinaryPrimitives.ReadInt32LittleEndian(start[4..]);
        return kept > 0 && (long)Fixed + ((long)kept * Entry) + Checksum <= length ? kept : -1;
    }

    /// <summary>Takes a whole table; false if it is damaged.</summary>
    /// <param name="table">Its bytes, the checksum included.</param>
    /// <param name="length">Bytes of the record.</param>
    /// <param name="record">What it says.</param>
    public static bool TryRead(ReadOnlySpan<byte> table, int length, out ClipRecord record)
    {
        record = new ClipRecord(table);
        if (Crc32C.Compute(table[..^Checksum]) != BinaryPrimitives.ReadUInt32LittleEndian(table[^Checksum..])) return false;
        long end = table.Length;
        for (int i = 0; i < record.Kept; i++)
        {
            if (record.Length(i) < 0) return false;
            end += record.Length(i);
        }

        return record.Frames > 0 && end == length;
    }

    /// <summary>Bytes of a kept frame.</summary>
    public int Length(int kept) => BinaryPrimitives.ReadInt32LittleEndian(_table[(Fixed + (kept * Entry))..]);

    /// <summary>Checksum of a kept frame.</summary>
    public uint Crc(int kept) => BinaryPrimitives.ReadUInt32LittleEndian(_table[(Fixed + (kept * Entry) + 4)..]);

    /// <summary>Place of a kept frame in the record.</summary>
    public int Offset(int kept)
    {
        int offset = _table.Length;
        for (int i = 0; i < kept; i++) offset += Length(i);
        return offset;
    }

    /// <summary>Appends a record.</summary>
    /// <param name="into">Receives it.</param>
    /// <param name="frames">Frames of the clip.</param>
    /// <param name="ends">For each kept frame, where it ends in <paramref name="bytes"/>.</param>
    /// <param name="bytes">The kept frames.</param>
    /// <exception cref="InvalidDataException">There are no frames, or too many for a record.</exception>
    public static void Write(ArrayBufferWriter<byte> into, int frames, IReadOnlyList<int> ends, ReadOnlySpan<byte> bytes)
    {
        if (ends.Count == 0) throw new InvalidDataException("the clip has no frames.");
        int length = TableBytes(ends.Count);
        Span<byte> table = into.GetSpan(length)[..length];
        BinaryPrimitives.WriteInt32LittleEndian(table, frames);
        BinaryPrimitives.WriteInt32LittleEndian(table[4..], ends.Count);
        for (int i = 0, start = 0; i < ends.Count; start = ends[i++])
        {
            BinaryPrimitives.WriteInt32LittleEndian(table[(Fixed + (i * Entry))..], ends[i] - start);
            BinaryPrimitives.WriteUInt32LittleEndian(table[(Fixed + (i * Entry) + 4)..], Crc32C.Compute(bytes[start..ends[i]]));
        }

        BinaryPrimitives.WriteUInt32LittleEndian(table[^Checksum..], Crc32C.Compute(table[..^Checksum]));
        into.Advance(length);
        into.Write(bytes);
    }
}
