using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Ops;

public sealed class LayerNormOpTests : MixedPrecisionOpTests<LayerNormOpTests>, IOpTests
{
    public static IEnumerable<OpCase> Cases
    {
        get
        {
            foreach (int[] shape in new int[][] { [1, 3], [3, 17], [2, 5, 64], [130, 21], [37, 200] })
            {
                int c = shape[^1];
                yield return new OpCase($"γ and β, C {c}", [shape, [c], [c]], (p, type) => p[0].LayerNorm(p[1], p[2], 1e-5f, type)) { BFloat16 = 4e-2 };
                yield return new OpCase($"γ alone, C {c}", [shape, [c]], (p, type) => p[0].LayerNorm(p[1], null, 1e-5f, type)) { BFloat16 = 4e-2 };
                yield return new OpCase($"β alone, C {c}", [shape, [c]], (p, type) => p[0].LayerNorm(null, p[1], 1e-5f, type)) { BFloat16 = 4e-2 };
                yield return new OpCase($"plain, C {c}", [shape], (p, _) => p[0].LayerNorm(null, null, 1e-2f));
                yield return new OpCase($"of bf16, C {c}", [shape, [c], [c]], (p, type) => p[0].Cast(type).LayerNorm(p[1], p[2], 1e-5f, DataType.Float32)) { BFloat16 = 4e-2 };
            }
        }
    }

    [Fact]
    public void Rows_are_normalised_as_the_equation_says()
    {
        using TensorScope scope = new();
        float[] x = GradCheck.Numbers(new Rng(5), 2 * 37);
        float[] y = Tensor.From(x, new Shape(2, 37)).LayerNorm(null, null, 1e-5f).ToArray();
        for (int row = 0; row < 2; row++)
        {
            float[] own = x[(row * 37)..((row + 1) * 37)];
            double mean = own.Average(), variance = own.Average(v => (v - mean) * (v - mean));
            ParityCase.AssertClose("row", [.. own.Select(v => (float)((v - mean) / Math.Sqrt(variance + 1e-5)))], y[(row * 37)..((row + 1) * 37)], 1e-6);
        }
    }

    [Fact]
    public void Gamma_and_beta_must_fit_the_last_axis()
    {
        using TensorScope scope = new();
        Tensor x = Tensor.Zeros(2, 3);
        Assert.Equal("LayerNorm: gamma [C] must match the last axis of x; got x [2, 3], gamma [2].", Assert.Throws<ArgumentException>(() => x.LayerNorm(Tensor.Zeros(2), null, 1e-6f)).Message);
        Assert.Equal("LayerNorm: beta [C] must match the last axis of x; got x [2, 3], beta [4].", Assert.Throws<ArgumentException>(() => x.LayerNorm(null, Tensor.Zeros(4), 1e-6f)).Message);
    }
}
