using System.Runtime.Intrinsics;
using AdaptFormer.Tensors;
using Xunit;

namespace AdaptFormer.Tests;

public sealed class RngTests
{
    [Fact]
    public void Equal_paths_give_equal_streams_and_different_paths_do_not()
    {
        Rng root = new(7);
        Assert.Equal(root.Derive(1, 2).NextUInt64(), root.Derive(1, 2).NextUInt64());
        Assert.NotEqual(root.Derive(1, 2).NextUInt64(), root.Derive(2, 1).NextUInt64());
    }

    [Fact]
    public void Normal_numbers_have_mean_zero_and_variance_one()
    {
        Rng rng = new(1);
        double[] sample = [.. Enumerable.Range(0, 100_000).Select(_ => rng.NextNormal())];
        Assert.InRange(sample.Average(), -0.02, 0.02);
        Assert.InRange(sample.Average(x => x * x), 0.97, 1.03);
    }

    [Fact]
    public void Shuffle_is_a_permutation()
    {
        int[] items = [.. Enumerable.Range(0, 100)];
        new Rng(3).Shuffle<int>(items);
        Assert.Equal(Enumerable.Range(0, 100), items.Order());
        Assert.NotEqual(Enumerable.Range(0, 100), items);
    }

    [Fact]
    public void Eight_places_at_once_equal_eight_single_ones()
    {
        Vector512<ulong> index = Vector512.Create(3UL, 9, 27, 81, 1UL << 40, 5, 6, 7), eight = Rng.At(42, index);
        for (int lane = 0; lane < 8; lane++) Assert.Equal(Rng.At(42, index[lane]), eight[lane]);
    }

    [Fact]
    public void A_stream_that_is_used_again_equals_a_fresh_one()
    {
        (Rng root, Rng used) = (new(5), new(9));
        used.NextNormal();
        root.DeriveInto(used, 3, 4);
        Rng fresh = root.Derive(3, 4);
        Assert.Equal(fresh.Key, used.Key);
        for (int i = 0; i < 3; i++) Assert.Equal(fresh.NextNormal(), used.NextNormal());
    }
}
