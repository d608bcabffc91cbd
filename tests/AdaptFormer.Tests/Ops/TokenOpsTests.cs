using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Ops;

public sealed class TokenOpsTests : MixedPrecisionOpTests<TokenOpsTests>, IOpTests
{
    public static IEnumerable<OpCase> Cases
    {
        get
        {
            foreach ((int b, int n, int c) in new[] { (1, 1, 1), (2, 5, 3), (3, 9, 17), (7, 33, 40) })
            {
                int[] x = [b, n, c];
                yield return new OpCase("prepend shared", [x, [1, 2, c]], (p, type) => p[0].Cast(type).PrependTokens(p[1])) { BFloat16 = 1e-2 };
                yield return new OpCase("prepend own", [x, [b, 3, c]], (p, type) => p[0].Cast(type).PrependTokens(p[1].Cast(type))) { BFloat16 = 1e-2 };
                yield return new OpCase("mean", [x], (p, type) => p[0].Cast(type).MeanTokens()) { BFloat16 = 1e-2 };
                yield return new OpCase("reshape", [x], (p, type) => p[0].Cast(type).Reshape(b * n, c)) { BFloat16 = 1e-2 };
                yield return new OpCase("slice all", [x], (p, type) => p[0].Scale(2).Cast(type).SliceTokens(0, n)) { BFloat16 = 1e-2 };
                yield return new OpCase("append zeros", [x], (p, type) => p[0].Cast(type).AppendZeros(3)) { BFloat16 = 1e-2 };
                if (n == 1) continue;
                yield return new OpCase("slice first", [x], (p, type) => p[0].Cast(type).SliceTokens(0, 1)) { BFloat16 = 1e-2 };
                yield return new OpCase("slice rest", [x], (p, type) => p[0].Cast(type).SliceTokens(2, n - 2)) { BFloat16 = 1e-2 };
                yield return new OpCase("mean of rest", [x], (p, type) => p[0].Cast(type).MeanTokens(1)) { BFloat16 = 1e-2 };
            }
        }
    }

    [Fact]
    public void Tokens_are_joined_taken_and_averaged_in_order()
    {
        using TensorScope scope = new();
        Tensor x = Tensor.From([1, 2, 3, 4], new Shape(2, 2, 1)), front = Tensor.From([9], new Shape(1, 1, 1));
        Assert.Equal([9, 1, 2, 9, 3, 4], x.PrependTokens(front).ToArray());
        Assert.Equal([2, 4], x.SliceTokens(1, 1).ToArray());
        Assert.Same(x, x.SliceTokens(0, 2));
        Assert.Equal([1, 2, 0, 3, 4, 0], x.AppendZeros(1).ToArray());
        Assert.Equal([1.5f, 3.5f], x.MeanTokens().ToArray());
        Assert.Equal([2, 4], x.MeanTokens(1).ToArray());
        Assert.Equal(new Shape(4), x.Reshape(4).Shape);
    }

    [Fact]
    public void Shapes_must_agree()
    {
        using TensorScope scope = new();
        Tensor x = Tensor.Zeros(4, 5, 6), flat = Tensor.Zeros(4, 5);
        Assert.Equal("PrependTokens: front must be [1 or B, P, C] for x [B, N, C]; got front [2, 1, 6], x [4, 5, 6].",
            Assert.Throws<ArgumentException>(() => x.PrependTokens(Tensor.Zeros(2, 1, 6))).Message);
        Assert.Equal("PrependTokens: x must be [B, N, C]; got x [4, 5].", Assert.Throws<ArgumentException>(() => flat.PrependTokens(Tensor.Zeros(1, 1, 5))).Message);
        Assert.Equal("SliceTokens: tokens 3…6 must lie inside x; got x [4, 5, 6].", Assert.Throws<ArgumentException>(() => x.SliceTokens(3, 3)).Message);
        Assert.Equal("MeanTokens: a token must be left after skipping 5; got x [4, 5, 6].", Assert.Throws<ArgumentException>(() => x.MeanTokens(5)).Message);
        Assert.Equal("MeanTokens: x must be [B, N, C]; got x [4, 5].", Assert.Throws<ArgumentException>(() => flat.MeanTokens()).Message);
        Assert.Equal("Reshape: [7] has another number of elements; got x [4, 5].", Assert.Throws<ArgumentException>(() => flat.Reshape(7)).Message);
    }
}
