using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Ops;

public sealed class AddOpTests : MixedPrecisionOpTests<AddOpTests>, IOpTests
{
    public static IEnumerable<OpCase> Cases
    {
        get
        {
            foreach (int[] shape in new int[][] { [1], [3, 17], [3, 11003] })
            {
                yield return new OpCase("a + b", [shape, shape], (p, type) => p[0].Cast(type) + p[1].Cast(type)) { BFloat16 = 1e-2 };
                yield return new OpCase("a + b, one in bf16", [shape, shape], (p, type) => p[0].Cast(type) + p[1]) { BFloat16 = 1e-2 };
            }

            yield return new OpCase("x + x", [[5]], (p, _) => p[0] + p[0]);
            yield return new OpCase("x + p", [[2, 3, 5], [1, 3, 5]], (p, _) => p[0].AddBroadcast(p[1]));
            yield return new OpCase("x + p, one image", [[1, 1, 5], [1, 1, 5]], (p, _) => p[0].AddBroadcast(p[1]));
            yield return new OpCase("x + p, a bias", [[4, 7, 17], [17]], (p, _) => p[0].AddBroadcast(p[1]));
            yield return new OpCase("x + p, many", [[9, 67, 70], [67, 70]], (p, _) => p[0].AddBroadcast(p[1]));
        }
    }

    [Fact]
    public void Shapes_must_agree()
    {
        using TensorScope scope = new();
        Tensor a = Tensor.Zeros(2, 3, 5), b = Tensor.Zeros(2, 5), half = a.Cast(DataType.BFloat16);
        Assert.Equal("Add: both shapes must be equal; got a [2, 3, 5], b [2, 5].", Assert.Throws<ArgumentException>(() => a + b).Message);
        Assert.Equal("AddBroadcast: p must have the trailing axes of a; got a [2, 3, 5], p [2, 5].", Assert.Throws<ArgumentException>(() => a.AddBroadcast(b)).Message);
        Assert.Contains("must be f32, got BFloat16 [2, 3, 5]", Assert.Throws<ArgumentException>(() => half.AddBroadcast(Tensor.Zeros(3, 5))).Message);
    }

    [Fact]
    public void A_sum_is_bf16_only_when_both_are()
    {
        using TensorScope scope = new();
        Tensor a = Tensor.Full(new Shape(3), 1), half = a.Cast(DataType.BFloat16);
        Assert.Equal(DataType.BFloat16, (half + half).Type);
        Assert.Equal(DataType.Float32, (half + a).Type);
        Assert.Equal([2, 2, 2], (half + a).ToArray());
    }
}
