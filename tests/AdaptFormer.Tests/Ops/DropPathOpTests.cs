using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Ops;

public sealed class DropPathOpTests
{
    public static IEnumerable<OpCase> Cases
    {
        get
        {
            foreach (int[] shape in new int[][] { [1, 1], [5, 17], [9, 4001] })
            {
                foreach (float rate in new[] { 0, 0.1f, 0.5f })
                    yield return new OpCase($"rate {rate}", [shape], (p, type) => p[0].Scale(1).Cast(type).DropPath(rate)) { SameWithoutTape = rate == 0, BFloat16 = 1e-2 };
            }
        }
    }

    [Theory]
    [MemberData(nameof(CpuBackends.All), MemberType = typeof(CpuBackends))]
    public void Gradients_match_finite_differences(string backend) => OpSuite.Gradients(backend, Cases);

    [Theory]
    [MemberData(nameof(CpuBackends.All), MemberType = typeof(CpuBackends))]
    public void Bf16_is_near_f32(string backend) => OpSuite.BFloat16(backend, Cases);

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
            return (watched.DropPath(0.3f).ToArray(), watched.DropPath(0.3f).ToArray());
        }
    }

    [Fact]
    public void It_keeps_the_mean_and_does_nothing_without_a_tape()
    {
        using TensorScope scope = new();
        Tensor x = Tensor.Full(new Shape(20_000, 2), 1);
        Assert.Same(x, x.DropPath(0.3f));
        using Tape tape = new(new Rng(2));
        float[] y = tape.Watch(x).DropPath(0.3f).ToArray();
        Assert.Equal([0, 1 / 0.7f], y.Distinct().Order());
        Assert.InRange(y.Average(), 0.97, 1.03);
        Assert.Same(x, x.DropPath(0));
    }

    [Theory]
    [InlineData(-0.1f)]
    [InlineData(1f)]
    [InlineData(float.NaN)]
    public void The_rate_is_a_probability_below_one(float rate)
    {
        using TensorScope scope = new();
        Tensor x = Tensor.Zeros(2, 3);
        Assert.Throws<ArgumentOutOfRangeException>(() => x.DropPath(rate));
    }

    [Fact]
    public void A_sample_is_dropped_whole()
    {
        using TensorScope scope = new();
        using Tape tape = new(new Rng(2));
        float[][] samples = [.. tape.Watch(Tensor.Full(new Shape(50, 7), 1)).DropPath(0.5f).ToArray().Chunk(7)];
        Assert.All(samples, sample => Assert.Single(sample.Distinct()));
        Assert.Equal(2, samples.Select(sample => sample[0]).Distinct().Count());
    }
}
