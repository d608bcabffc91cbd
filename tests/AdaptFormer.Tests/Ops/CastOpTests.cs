using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Ops;

public sealed class CastOpTests : MixedPrecisionOpTests<CastOpTests>, IOpTests
{
    public static IEnumerable<OpCase> Cases
    {
        get
        {
            foreach (int[] shape in new int[][] { [1], [3, 17], [3, 11003] })
                yield return new OpCase("cast", [shape], (p, type) => p[0].Cast(type).Cast(DataType.Float32)) { BFloat16 = 1e-2 };
        }
    }

    [Fact]
    public void Bf16_rounds_to_nearest_even_and_f32_is_the_tensor_itself()
    {
        using TensorScope scope = new();
        Tensor x = Tensor.From([1, 1.00390625f, 1.01171875f, -3.1415927f], new Shape(4));
        Assert.Equal([1, 1, 1.015625f, -3.140625f], x.Cast(DataType.BFloat16).ToArray());
        Assert.Same(x, x.Cast(DataType.Float32));
    }
}
