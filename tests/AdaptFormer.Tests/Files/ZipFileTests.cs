using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using AdaptFormer.Files;
using Xunit;
using ZipFile = AdaptFormer.Files.ZipFile;

namespace AdaptFormer.Tests.Files;

public sealed class ZipFileTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(CompressionLevel.NoCompression)]
    [InlineData(CompressionLevel.Optimal)]
    public unsafe void Members_are_found_and_their_content_is_whole(CompressionLevel level)
    {
        byte[] content = [.. Enumerable.Range(0, 3_000_000).Select(i => (byte)(i * i >> 7))];
        using ZipFile zip = Read(PickleWriter.ZipBytes(level, ("b/ä", content), ("a", []), ("folder/", [])));
        Assert.Equal(["b/ä", "a"], zip.Members.Keys);
        ZipMember member = zip.Members["b/ä"];
        Assert.Equal(level != CompressionLevel.NoCompression, member.IsCompressed);
        Assert.Equal(content[..10], member.ReadPrefix(10));
        Assert.True(new ReadOnlySpan<byte>(member.Address(), content.Length).SequenceEqual(content));
    }

    [Fact]
    public void The_checksum_is_the_standard_one()
    {
        Assert.Equal(0xCBF43926u, Crc32.Compute("123456789"u8));
        Assert.Equal(Crc32.Compute("0123456789abcdefXYZ"u8), Crc32.Compute("789abcdefXYZ"u8, Crc32.Compute("0123456"u8)));
    }

    [Fact]
    public unsafe void Damaged_content_is_noticed_when_it_is_used()
    {
        byte[] stored = PickleWriter.ZipBytes(CompressionLevel.NoCompression, ("a", "content"u8.ToArray()));
        stored[stored.AsSpan().IndexOf("content"u8)] ^= 1;
        using ZipFile zip = Read(stored);
        Assert.Contains("'a': its content is damaged", Assert.Throws<InvalidDataException>(() => (nint)zip.Members["a"].Address()).Message, StringComparison.Ordinal);

        byte[] compressed = PickleWriter.ZipBytes(CompressionLevel.Optimal, ("a", new byte[1000]));
        compressed[31] = 0xff;
        using ZipFile second = Read(compressed);
        Assert.Contains("compressed content is damaged", Assert.Throws<InvalidDataException>(() => (nint)second.Members["a"].Address()).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(999, "more than the 999 bytes")]
    [InlineData(1001, "less than the 1001 bytes")]
    public unsafe void A_member_that_inflates_to_another_size_than_stated_is_refused(int stated, string reason)
    {
        byte[] bytes = PickleWriter.ZipBytes(CompressionLevel.Optimal, ("a", [.. Enumerable.Range(0, 1000).Select(i => (byte)(i * 7))]));
        Patch(bytes, Central(bytes) + 24, stated);
        using ZipFile zip = Read(bytes);
        Assert.Contains(reason, Assert.Throws<InvalidDataException>(() => (nint)zip.Members["a"].Address()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Directories_that_contradict_the_file_are_refused()
    {
        Refused(b => b.AsSpan()[..^1].ToArray(), "directory at its end is missing");
        Refused(b => Patch(b, b.Length - 6, Central(b) + 1), "does not end where it should");
        Refused(b => Patch(b, b.Length - 10, 7), "does not end where it should");
        Refused(b => PatchShorts(b, b.Length - 14, 300, 300), "cannot list 300 members");
        Refused(b => PatchShorts(b, b.Length - 14, 1, 1), "goes on after its last entry");
        Refused(b => PatchShorts(b, b.Length - 14, 1, 2), "split over several files");
        Refused(b => Patch(b, Central(b), 0), "entry 0 of the zip directory is damaged");
        Refused(b => PatchShorts(b, Central(b) + 28, 9999), "entry 0 of the zip directory is cut short");
        Refused(b => PatchShorts(b, Central(b) + 8, 1), "'first': it is encrypted");
        Refused(b => PatchShorts(b, Central(b) + 10, 12), "compressed by method 12");
        Refused(b => Patch(b, Central(b) + 42, int.MaxValue), "'first': its header at 2147483647 lies outside");
        Refused(b => Patch(b, Central(b) + 42, 1), "contradict each other");
        Refused(b => Patch(b, Central(b) + 42, -1), "zip64 sizes are missing");
        Refused(b => Patch(Patch(b, Central(b) + 20, 4000), Central(b) + 24, 4000), "'first': its 4000 bytes at 35 reach beyond");
        Refused(b => Patch(b, Central(b) + 24, 9), "claims to hold 9 bytes in 5");
        Refused(b => Patch(Patch(b, Central(b) + 20, 30), Central(b) + 24, 30), "'second': it overlaps 'first'");
        Refused(b => { b[Central(b) + 46] = 0xff; return b; }, "not valid UTF-8");
    }

    [Fact]
    public void A_name_that_occurs_twice_is_refused() =>
        Refused(_ => PickleWriter.ZipBytes(CompressionLevel.NoCompression, ("a", [1]), ("a", [2])), "'a': the zip file holds it twice");

    [Fact]
    public void Inflation_is_bounded_by_the_size_of_the_file()
    {
        byte[] bomb = PickleWriter.ZipBytes(CompressionLevel.SmallestSize, ("a", new byte[40 << 20]));
        Refused(_ => bomb, "claim more than 100 times the size of the file");
        byte[] lie = PickleWriter.ZipBytes(CompressionLevel.SmallestSize, ("a", new byte[1000]));
        Refused(_ => Patch(lie, Central(lie) + 24, 1 << 30), "claims to hold 1073741824 bytes");
    }

    [Fact]
    public unsafe void Zip64_records_are_read_and_compared()
    {
        byte[] plain = PickleWriter.ZipBytes(CompressionLevel.NoCompression, ("a", "content"u8.ToArray()));
        using (ZipFile zip = Read(WithZip64(plain, count: 1)))
            Assert.Equal("content", Encoding.ASCII.GetString(zip.Members["a"].Address(), 7));
        Refused(_ => WithZip64(plain, count: 2), "cannot list 2 members");
        Refused(_ => { byte[] b = WithZip64(plain, 1); b[^(22 + 12)]++; return b; }, "the zip64 record is damaged");
        Refused(_ => { byte[] b = WithZip64(plain, 1); return PatchShorts(b, b.Length - 14, 5, 5); }, "contradict each other");
    }

    /// <summary>The same file with all 32-bit values of its end replaced by zip64 ones.</summary>
    private static byte[] WithZip64(byte[] zip, long count)
    {
        int end = zip.Length - 22;
        byte[] record = new byte[56 + 20];
        Span<byte> r = record;
        BinaryPrimitives.WriteUInt32LittleEndian(r, 0x06064b50);
        BinaryPrimitives.WriteInt64LittleEndian(r[4..], 44);
        BinaryPrimitives.WriteInt64LittleEndian(r[24..], count);
        BinaryPrimitives.WriteInt64LittleEndian(r[32..], count);
        BinaryPrimitives.WriteInt64LittleEndian(r[40..], end - Central(zip));
        BinaryPrimitives.WriteInt64LittleEndian(r[48..], Central(zip));
        BinaryPrimitives.WriteUInt32LittleEndian(r[56..], 0x07064b50);
        BinaryPrimitives.WriteInt64LittleEndian(r[64..], end);
        BinaryPrimitives.WriteInt32LittleEndian(r[72..], 1);
        byte[] small = zip[end..];
        small.AsSpan(8, 12).Fill(0xff);
        return [.. zip[..end], .. record, .. small];
    }

    private static int Central(byte[] zip) => zip.AsSpan().IndexOf("PK\x01\x02"u8) is var at and >= 0 ? at : throw new InvalidOperationException("no directory");

    private static byte[] Patch(byte[] bytes, int at, int value)
    {
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(at), value);
        return bytes;
    }

    private static byte[] PatchShorts(byte[] bytes, int at, params short[] values)
    {
        for (int i = 0; i < values.Length; i++) BinaryPrimitives.WriteInt16LittleEndian(bytes.AsSpan(at + (2 * i)), values[i]);
        return bytes;
    }

    private ZipFile Read(byte[] bytes)
    {
        MappedFile file = new(_folder.Write(Guid.NewGuid().ToString(), bytes));
        try
        {
            return ZipFile.Read(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private void Refused(Func<byte[], byte[]> damage, string reason)
    {
        byte[] bytes = PickleWriter.ZipBytes(CompressionLevel.NoCompression, ("first", "11111"u8.ToArray()), ("second", "22222"u8.ToArray()));
        byte[] damaged = damage(bytes);
        Assert.Contains(reason, Assert.Throws<InvalidDataException>(() => Read(damaged).Dispose()).Message, StringComparison.Ordinal);
    }
}
