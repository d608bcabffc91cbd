using AdaptFormer.Data.Loading;
using Xunit;

namespace AdaptFormer.Tests.Data;

public sealed class EpochShardTests
{
    [Fact]
    public void Every_batch_of_one_process_is_read_by_exactly_one_of_several_whatever_the_sizes()
    {
        for (int count = 0; count <= 45; count++)
        {
            for (int batch = 1; batch <= 6; batch++)
            {
                foreach (bool drop in new[] { false, true })
                {
                    EpochShard one = new(count, batch, drop);
                    int[][] expected = [.. Positions(one).Chunk(batch)];
                    Assert.Equal((expected.Length, expected.Sum(b => b.Length)), (one.AllBatches, one.AllSamples));
                    for (int world = 1; world <= 5; world++)
                    {
                        EpochShard[] shards = [.. Enumerable.Range(0, world).Select(rank => new EpochShard(count, batch, drop, rank, world))];
                        int[][][] own = [.. shards.Select(shard => Positions(shard).Chunk(batch).ToArray())];
                        for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], own[i % world][i / world]);
                        Assert.Equal(one.AllSamples, shards.Sum(s => s.Samples));
                        Assert.All(shards, s => Assert.Equal((own[s.Rank].Length, one.AllBatches, one.AllSamples), (s.Batches, s.AllBatches, s.AllSamples)));
                        Assert.All(shards, s => Assert.Equal(s.Batches, s.BatchesBefore(one.AllBatches)));
                    }
                }
            }
        }
    }

    [Fact]
    public void Batches_before_a_place_are_those_that_a_rank_has_read()
    {
        EpochShard shard = new(100, 3, DropLast: false, Rank: 2, WorldSize: 4);
        for (int batches = 0; batches <= shard.AllBatches; batches++)
            Assert.Equal(Enumerable.Range(0, batches).Count(number => number % 4 == 2), shard.BatchesBefore(batches));
    }

    [Fact]
    public void Sizes_near_the_largest_number_do_not_overflow()
    {
        EpochShard last = new(int.MaxValue, 1 << 20, DropLast: false, Rank: 1023, WorldSize: 1024);
        Assert.Equal(int.MaxValue - 1, last.Position(last.Samples - 1));
        Assert.Equal(2048, last.AllBatches);
    }

    private static IEnumerable<int> Positions(EpochShard shard) => Enumerable.Range(0, shard.Samples).Select(shard.Position);
}
