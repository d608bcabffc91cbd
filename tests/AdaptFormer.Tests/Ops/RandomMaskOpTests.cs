using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Ops;

/// <summary>What dropout and drop-path have in common: a random mask, rescaled.</summary>
public abstract class RandomMaskOpTests<TSelf> : MixedPrecisionOpTests<TSelf> where TSelf : IOpTests
{
    /// <summary>The op, at a rate.</summary>
    protected abstract Tensor Drop(Tensor x, float rate);

    /// <summary>The op on each shape at several rates.</summary>
    protected static IEnumerable<OpCase> CasesOf(Func<Tensor, float, Tensor> drop, params int[][] shapes) =>
        from shape in shapes
        from rate in new[] { 0, 0.1f, 0.5f }
        select new OpCase($"rate {rate}", [shape], (p, type) => drop(p[0].Scale(1).Cast(type), rate)) { SameWithoutTape = rate == 0, BFloat16 = 1e-2 };

    [Fact]
    public void The_same_seed_draws_the_same_mask_and_the_next_call_another()
    {
        using TensorScope scope = new();
        Tensor x = Tensor.Full(new Shape(999, 3), 1);
        (float[] First, float[] Second) one = Draw(5), same = Draw(5), other = Draw(6);
        Assert.Equal(one.First, same.First);
        Assert.Equal(one.Second, same.Second);
        Assert.NotEqual(one.First, one.Second);
        Assert.NotEqual(one.First, other.First);

        (float[], float[]) Draw(int seed)
        {
            using Tape tape = new(new Rng(seed));
            Tensor watched = tape.Watch(x);
            return (Drop(watched, 0.3f).ToArray(), Drop(watched, 0.3f).ToArray());
        }
    }

    [Fact]
    public void It_keeps_the_mean_and_does_nothing_without_a_tape()
    {
        using TensorScope scope = new();
        Tensor x = Tensor.Full(new Shape(20_000, 2), 1);
        Assert.Same(x, Drop(x, 0.3f));
        using Tape tape = new(new Rng(2));
        float[] y = Drop(tape.Watch(x), 0.3f).ToArray();
        Assert.Equal([0, 1 / 0.7f], y.Distinct().Order());
        Assert.InRange(y.Average(), 0.97, 1.03);
        Assert.Same(x, Drop(x, 0));
    }

    [Theory]
    [InlineData(-0.1f)]
    [InlineData(1f)]
    [InlineData(float.NaN)]
    public void The_rate_is_a_probability_below_one(float rate)
    {
        using TensorScope scope = new();
        Tensor x = Tensor.Zeros(2, 3);
        Assert.Throws<ArgumentOutOfRangeException>(() => Drop(x, rate));
    }
}
