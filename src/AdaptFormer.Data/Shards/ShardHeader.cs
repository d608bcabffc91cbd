using System.Buffers.Binary;

namespace AdaptFormer.Data.Shards;

/// <summary>
/// What a shard says of itself. The file: these 64 bytes, an index of 16 bytes a record (place and kind, length, checksum), the records.
/// All numbers are little-endian.
/// </summary>
/// <param name="KeyLow">With <paramref name="KeyHigh"/>: names what the records were made of and how, so that shards of other data are
/// never mistaken for these.</param>
/// <param name="KeyHigh">The other half.</param>
/// <param name="First">Number of the first record, counted over all shards.</param>
/// <param name="Count">Records in this shard.</param>
/// <param name="PerShard">Records in every shard but the last.</param>
/// <param name="Tag">The maker's own number, for instance its settings.</param>
internal readonly record struct ShardHeader(UInt128 KeyLow, UInt128 KeyHigh, int First, int Count, int PerShard, int Tag)
{
    public const int Bytes = 64, EntryBytes = 16;

    private static ReadOnlySpan<byte> Magic => "AFSHARD1"u8;

    /// <summary>Reads a header; null if it is none, or damaged.</summary>
    public static ShardHeader? Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < Bytes || !bytes.StartsWith(Magic)
            || Crc32C.Compute(bytes[..56]) != BinaryPrimitives.ReadUInt32LittleEndian(bytes[56..])) return null;
        return new ShardHeader(BinaryPrimitives.ReadUInt128LittleEndian(bytes[8..]), BinaryPrimitives.ReadUInt128LittleEndian(bytes[24..]),
            BinaryPrimitives.ReadInt32LittleEndian(bytes[40..]), BinaryPrimitives.ReadInt32LittleEndian(bytes[44..]),
            BinaryPrimitives.ReadInt32LittleEndian(bytes[48..]), BinaryPrimitives.ReadInt32LittleEndian(bytes[52..]));
    }

    public void Write(Span<byte> bytes)
    {
        bytes[..Bytes].Clear();
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteUInt128LittleEndian(bytes[8..], KeyLow);
        BinaryPrimitives.WriteUInt128LittleEndian(bytes[24..], KeyHigh);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[40..], First);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[44..], Count);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[48..], PerShard);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[52..], Tag);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[56..], Crc32C.Compute(bytes[..56]));
    }
}
