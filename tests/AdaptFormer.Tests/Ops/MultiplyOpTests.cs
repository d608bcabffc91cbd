using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Ops;

public sealed class MultiplyOpTests : OpTests<MultiplyOpTests>, IOpTests
{
    public static IEnumerable<OpCase> Cases
    {
        get
        {
            foreach (int[] shape in new int[][] { [1], [3, 17], [3, 11003] })
            {
                yield return new OpCase("a∘b", [shape, shape], (p, _) => p[0].Multiply(p[1]));
                yield return new OpCase("a·b", [shape, shape], (p, _) => p[0].Dot(p[1]));
            }

            yield return new OpCase("x∘x", [[19]], (p, _) => p[0].Multiply(p[0]));
            yield return new OpCase("x·x", [[19]], (p, _) => p[0].Dot(p[0]));
        }
    }

    [Fact]
    public void Shapes_and_types_must_agree()
    {
        using TensorScope scope = new();
        Tensor a = Tensor.Zeros(2, 3), b = Tensor.Zeros(3, 2), half = a.Cast(DataType.BFloat16);
        Assert.Equal("Multiply: both shapes must be equal; got a [2, 3], b [3, 2].", Assert.Throws<ArgumentException>(() => a.Multiply(b)).Message);
        Assert.Equal("Dot: both shapes must be equal; got a [2, 3], b [3, 2].", Assert.Throws<ArgumentException>(() => a.Dot(b)).Message);
        Assert.Equal("Multiply: both tensors must be f32, got Float32 [2, 3] and BFloat16 [2, 3].", Assert.Throws<ArgumentException>(() => a.Multiply(half)).Message);
    }
}
