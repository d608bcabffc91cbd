using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Ops;

public sealed class MeanSquaredErrorOpTests : OpTests<MeanSquaredErrorOpTests>, IOpTests
{
    public static IEnumerable<OpCase> Cases
    {
        get
        {
            foreach (int n in new[] { 1, 7, 129 })
            {
                float[] targets = GradCheck.Numbers(new Rng(6), 2 * n);
                yield return new OpCase($"{n} numbers", [[2, n]], (p, _) => p[0].MeanSquaredError(Tensor.From(targets, new Shape(2, n))));
            }
        }
    }

    [Fact]
    public void It_is_the_mean_of_the_squares()
    {
        using TensorScope scope = new();
        Assert.Equal((1 + 4 + 0) / 3f, Tensor.From([1, 2, 3], new Shape(3)).MeanSquaredError(Tensor.From([0, 4, 3], new Shape(3))).Item(), 1e-6f);
        Assert.StartsWith("MeanSquaredError: x and targets must have one shape", Assert.Throws<ArgumentException>(() => Tensor.Zeros(3).MeanSquaredError(Tensor.Zeros(1, 3))).Message);
    }
}
