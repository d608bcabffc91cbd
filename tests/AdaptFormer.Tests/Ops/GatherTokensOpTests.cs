using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Ops;

public sealed class GatherTokensOpTests : MixedPrecisionOpTests<GatherTokensOpTests>, IOpTests
{
    public static IEnumerable<OpCase> Cases
    {
        get
        {
            foreach ((int b, int n, int c, int k) in new[] { (1, 1, 1, 1), (2, 5, 3, 3), (3, 9, 17, 14) })
            {
                int[] index = [.. Enumerable.Range(0, b * k).Select(i => i * i % n)];       // some tokens several times, some never
                yield return new OpCase($"{k} of {n} tokens", [[b, n, c]], (p, type) => p[0].Cast(type).GatherTokens(index)) { BFloat16 = 1e-2 };
            }
        }
    }

    [Fact]
    public void Each_sample_picks_its_own()
    {
        using TensorScope scope = new();
        Tensor x = Tensor.From([1, 2, 3, 4, 5, 6], new Shape(2, 3, 1));
        Assert.Equal([3, 1, 5, 5], x.GatherTokens([2, 0, 1, 1]).ToArray());
    }

    [Fact]
    public void Indices_must_lie_inside()
    {
        using TensorScope scope = new();
        Tensor x = Tensor.Zeros(2, 3, 1);
        Assert.Equal("GatherTokens: token 3 must lie inside x [B, N, C]; got x [2, 3, 1].", Assert.Throws<ArgumentException>(() => x.GatherTokens([0, 3])).Message);
        Assert.StartsWith("GatherTokens: 3 numbers", Assert.Throws<ArgumentException>(() => x.GatherTokens([0, 1, 2])).Message);
    }
}
