using System.Text;
using AdaptFormer.Distributed;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Distributed;

public sealed class CollectiveTests
{
    [Theory]
    [InlineData(1, 5, 3)]
    [InlineData(2, 7, 3)]
    [InlineData(3, 1000, 5)]
    [InlineData(4, 2, 8)]                       // fewer numbers than ranks
    [InlineData(2, (2 << 18) + 77, 3)]          // in three pieces
    public void An_ordered_sum_has_the_bits_of_one_process(int world, int length, int vectors)
    {
        float[][] all = [.. Enumerable.Range(0, vectors).Select(i => GradCheck.Numbers(new Rng(i), length))];
        float[] expected = [.. all[0]];
        foreach (float[] vector in all[1..])
            for (int i = 0; i < length; i++) expected[i] += vector[i];
        ThreadCollective.Run(world, ranks =>
        {
            OrderedSum sum = new(ranks, length);
            float[] result = new float[length];
            for (int again = 0; again < 2; again++)
            {
                sum.Begin();
                for (int first = 0; first < vectors; first += world)
                    sum.Add(first + ranks.Rank < vectors ? all[first + ranks.Rank] : new float[length], Math.Min(world, vectors - first));
                sum.End(result);
                Assert.Equal(expected, result);
            }
        });
    }

    [Fact]
    public void Records_of_any_length_come_to_all_and_rank_0_is_heard_by_all()
    {
        ThreadCollective.Run(3, ranks =>
        {
            Assert.Equal(["", "r", "rr"], ranks.Gather(Encoding.UTF8.GetBytes(new string('r', ranks.Rank))).Select(Encoding.UTF8.GetString));
            Assert.Equal("from 0", ranks.Broadcast(ranks.IsFirst ? "from 0" : "unheard"));
            float[] values = [ranks.Rank, 1];
            ranks.Sum(values);
            Assert.Equal([3f, 3f], values);
            Assert.Equal((ranks.Rank, 3), (ranks.LocalRank, ranks.LocalSize));
        });
        Assert.Equal("alone", Collective.Single.Broadcast("alone"));
    }

    [Fact]
    public void A_long_sum_is_made_piece_by_piece_and_whole()
    {
        const int Length = (2 << 20) + 77;
        ThreadCollective.Run(2, ranks =>
        {
            float[] values = [.. Enumerable.Range(0, Length).Select(i => (float)(i % 1000) + ranks.Rank)];
            ranks.Sum(values);
            Assert.True(values.Index().All(pair => pair.Item == (2 * (pair.Index % 1000)) + 1));
        });
    }

    [Fact]
    public void A_rank_that_does_not_come_is_an_error_that_says_where()
    {
        ExchangeException error = Assert.Throws<ExchangeException>(() => ThreadCollective.Run(2, ranks =>
        {
            (ranks.Timeout, ranks.Place) = (TimeSpan.FromMilliseconds(50), "epoch 3, step 41");
            if (ranks.IsFirst) ranks.Gather<byte>([1], new byte[2]);
        }));
        Assert.Contains("epoch 3, step 41", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_ranks_disagree_on_is_named_with_rank_and_values()
    {
        DisagreementException error = Assert.Throws<DisagreementException>(() => ThreadCollective.Run(3, ranks => new Agreement()
            .Add("backend", "CPU")
            .Add("epoch", ranks.Rank == 2 ? "1" : "4")
            .AddDigest("labels", Agreement.Digest([ranks.Rank == 1 ? "a" : "b"]))
            .Add("recipe", $"seed {ranks.Rank}", (first, other) => $"{first} there, {other} here")
            .Require(ranks)));
        Assert.Matches(@"epoch: rank 0 \(.+\) has 4, rank 2 \(.+\) has 1; labels of rank 0 \(.+\) and rank 1 \(.+\): not the same; recipe of rank 0 .*: seed 0 there, seed 1 here", error.Message);
        Assert.DoesNotContain("backend", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parts_of_a_digest_are_told_apart()
    {
        Assert.NotEqual(Agreement.Digest(["ab", "c"]), Agreement.Digest(["a", "bc"]));
        Assert.Equal(Agreement.Digest(["ab", "c"]), Agreement.Digest(["ab", "c"]));
    }
}
