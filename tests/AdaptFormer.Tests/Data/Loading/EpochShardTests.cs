using AdaptFormer.Data;
using Xunit;

namespace AdaptFormer.Tests.Data;

public sealed class EpochShardTests
{
    [Fact]
    public void Every_position_is_read_exactly_once_whatever_the_sizes()
    {
        for (int count = 0; count <= 45; count++)
        {
            for (int world = 1; world <= 5; world++)
            {
                for (int batch = 1; batch <= 6; batch++)
                {
                    EpochShard[] shards = [.. Enumerable.Range(0, world).Select(rank => new EpochShard(count, batch, DropLast: false, rank, world))];
                    Assert.Equal(Enumerable.Range(0, count), shards.SelectMany(Positions).Order());
                    Assert.InRange(shards.Max(s => s.Samples) - shards.Min(s => s.Samples), 0, 1);
                    Assert.All(shards, s => Assert.Equal((s.Samples + batch - 1) / batch, s.Batches));
                }
            }
        }
    }

    [Fact]
    public void With_the_last_step_left_out_all_ranks_take_equally_many_full_batches()
    {
        for (int count = 0; count <= 45; count++)
        {
            for (int world = 1; world <= 5; world++)
            {
                EpochShard[] shards = [.. Enumerable.Range(0, world).Select(rank => new EpochShard(count, 4, DropLast: true, rank, world))];
                int steps = count / (4 * world);
                Assert.All(shards, s => Assert.Equal((steps, steps * 4), (s.Batches, s.Samples)));
                Assert.Equal(Enumerable.Range(0, steps * 4 * world), shards.SelectMany(Positions).Order());
            }
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void Small_batches_of_several_ranks_make_the_large_batch_of_one(int world)
    {
        const int Count = 50, Large = 12;
        EpochShard one = new(Count, Large, DropLast: true);
        for (int step = 0; step < one.Batches; step++)
        {
            IEnumerable<int> together = Enumerable.Range(0, world).SelectMany(rank =>
                Positions(new EpochShard(Count, Large / world, DropLast: true, rank, world)).Skip(step * Large / world).Take(Large / world));
            Assert.Equal(Positions(one).Skip(step * Large).Take(Large), together);
        }
    }

    [Fact]
    public void Sizes_near_the_largest_number_do_not_overflow()
    {
        EpochShard last = new(int.MaxValue, 1 << 20, DropLast: false, Rank: 1023, WorldSize: 1024);
        Assert.Equal(int.MaxValue - 1, last.Position(last.Samples - 1));
    }

    private static IEnumerable<int> Positions(EpochShard shard) => Enumerable.Range(0, shard.Samples).Select(shard.Position);
}
