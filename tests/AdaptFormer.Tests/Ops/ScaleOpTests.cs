using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Ops;

public sealed class ScaleOpTests : MixedPrecisionOpTests<ScaleOpTests>, IOpTests
{
    public static IEnumerable<OpCase> Cases
    {
        get
        {
            foreach (int[] shape in new int[][] { [1], [3, 17], [3, 11003] })
            {
                yield return new OpCase("c·x", [shape], (p, type) => -1.7f * p[0].Cast(type)) { BFloat16 = 1e-2 };
                yield return new OpCase("s·x", [shape, [1]], (p, _) => p[0].ScaleBy(p[1]));
            }
        }
    }

    [Fact]
    public void A_learned_factor_is_one_number_and_f32()
    {
        using TensorScope scope = new();
        Tensor x = Tensor.Zeros(2, 3);
        Assert.Equal("ScaleBy: s must be one number; got x [2, 3], s [2].", Assert.Throws<ArgumentException>(() => x.ScaleBy(Tensor.Zeros(2))).Message);
        Assert.Contains("x must be f32, got BFloat16 [2, 3]", Assert.Throws<ArgumentException>(() => x.Cast(DataType.BFloat16).ScaleBy(Tensor.Zeros(1))).Message);
    }
}
