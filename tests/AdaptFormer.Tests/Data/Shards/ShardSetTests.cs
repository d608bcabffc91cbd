using System.Buffers;
using AdaptFormer.Data.Shards;
using Xunit;

namespace AdaptFormer.Tests.Data;

public sealed class ShardSetTests
{
    private static readonly ShardKey Key = ShardKey.Of(["test"]);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(30)]
    public void Records_come_back_by_number(int count)
    {
        using TempFolder folder = new();
        Assert.Equal(count, Build(folder.Path, count));
        using ShardSet shards = ShardSet.Open(folder.Path, Key, count);
        Assert.Equal((count + 6) / 7, Directory.GetFiles(folder.Path).Length);
        Assert.Equal(Directory.GetFiles(folder.Path).Sum(f => new FileInfo(f).Length), shards.Bytes);
        for (int i = count - 1; i >= 0; i--)
        {
            using ShardRecord record = shards.Read(i);
            Assert.Equal((byte)(i % 3), record.Kind);
            Assert.Equal(Content(i), record.Bytes.ToArray());
        }

        if (count > 0) Assert.Equal(42, ShardSet.TagOf(folder.Path));
        Assert.Throws<ArgumentOutOfRangeException>(() => shards.Read(count));
    }

    [Fact]
    public void An_interrupted_build_leaves_whole_shards_and_goes_on()
    {
        using TempFolder folder = new();
        using CancellationTokenSource stop = new();
        int made = 0;
        Assert.ThrowsAny<OperationCanceledException>(() => Build(folder.Path, 70, () =>
        {
            if (Interlocked.Increment(ref made) == 20) stop.Cancel();
        }, stop: stop.Token));
        Assert.All(Directory.GetFiles(folder.Path), file => Assert.EndsWith(".bin", file));
        Assert.Contains("not complete", Assert.Throws<InvalidDataException>(() => ShardSet.Open(folder.Path, Key, 70)).Message);
        int whole = Directory.GetFiles(folder.Path).Length;
        folder.Write(".shard-00009.bin.0123456789abcdef0123456789abcdef.tmp", "left by a process that was killed");
        Assert.Equal(70 - (7 * whole), Build(folder.Path, 70));
        Assert.Equal(0, Build(folder.Path, 70));
        Assert.Equal(10, Directory.GetFiles(folder.Path).Length);
        using ShardSet shards = ShardSet.Open(folder.Path, Key, 70);
        for (int i = 0; i < 70; i++)
        {
            using ShardRecord record = shards.Read(i);
            Assert.Equal(Content(i), record.Bytes.ToArray());
        }
    }

    [Fact]
    public void An_error_of_the_maker_ends_the_build_with_that_error()
    {
        using TempFolder folder = new();
        Assert.Equal("no", Assert.Throws<IOException>(() => Build(folder.Path, 30, at: () => throw new IOException("no"))).Message.Split(". ")[^1]);
        Assert.Empty(Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void The_limit_holds_and_what_is_finished_stays()
    {
        using TempFolder folder = new();
        Assert.Equal(14, Build(folder.Path, 14));
        byte[][] finished = [.. Shards(folder).Select(File.ReadAllBytes)];
        long limit = SizeOf(folder) + 200;
        Assert.Contains("would exceed", Assert.Throws<IOException>(() => Build(folder.Path, 700, limit: limit)).Message);
        Assert.InRange(SizeOf(folder), 0, limit);
        Assert.Equal(finished, Shards(folder).Take(2).Select(File.ReadAllBytes));
        Assert.InRange(Build(folder.Path, 700), 700 - 21, 700 - 14);
    }

    [Fact]
    public void Shards_of_another_layout_go_before_any_is_made_and_count_against_no_limit()
    {
        using TempFolder folder = new();
        folder.Write("shard-mine.bin", "not a shard's name");
        Build(folder.Path, 70);
        Assert.Contains(
            "would exceed", Assert.Throws<IOException>(() => Build(folder.Path, 700, limit: 1000, perShardOf: 14)).Message);
        Assert.InRange(SizeOf(folder), 0, 1000);
        Build(folder.Path, 14, limit: 1000, perShardOf: 14);
        Assert.Equal([folder["shard-00000.bin"]], Shards(folder));
        Assert.True(File.Exists(folder["shard-mine.bin"]));
    }

    [Fact]
    public void Damage_of_every_byte_is_noticed()
    {
        using TempFolder folder = new();
        Build(folder.Path, 3);
        string path = Directory.GetFiles(folder.Path).Single();
        byte[] good = File.ReadAllBytes(path);
        for (int at = 0; at < good.Length; at++)
        {
            if (at is >= 60 and < 64) continue;      // reserved
            byte[] bad = [.. good];
            bad[at] ^= 0x10;
            File.WriteAllBytes(path, bad);
            bool kindOnly = at >= 64 && at < 112 && (at - 64) % 16 == 7;      // a record's kind is the reader's to judge
            if (!kindOnly) Assert.Throws<InvalidDataException>(ReadAll);
        }

        foreach (int length in new[] { 0, 10, 64, 100, good.Length - 1 })
        {
            File.WriteAllBytes(path, good[..length]);
            Assert.Contains(path, Assert.Throws<InvalidDataException>(ReadAll).Message);
        }

        File.WriteAllBytes(path, good);
        ReadAll();
        Assert.Contains("other data", Assert.Throws<InvalidDataException>(() => ShardSet.Open(folder.Path, ShardKey.Of(["other"]), 3)).Message);
        Assert.Throws<DirectoryNotFoundException>(() => ShardSet.Open(folder["none"], Key, 3));

        void ReadAll()
        {
            using ShardSet shards = ShardSet.Open(folder.Path, Key, 3);
            for (int i = 0; i < 3; i++) shards.Read(i).Dispose();
        }
    }

    private static string[] Shards(TempFolder folder) =>
        [.. Directory.GetFiles(folder.Path, "shard-0*.bin").Order(StringComparer.Ordinal)];

    private static long SizeOf(TempFolder folder) => Shards(folder).Sum(file => new FileInfo(file).Length);

    private static byte[] Content(int i) => [.. Enumerable.Range(0, (i * 5) % 17).Select(b => (byte)(b + i))];

    private static int Build(string folder, int count, Action? at = null, long limit = long.MaxValue, int perShardOf = 7, CancellationToken stop = default) =>
        new ShardBuilder(folder, Key, count, tag: 42, perShard: perShardOf, limit).Build(() => ((number, into) =>
        {
            at?.Invoke();
            into.Write(Content(number));
            return (byte)(number % 3);
        }, new MemoryStream()), cancellation: stop);
}
