using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends.Cpu;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Ops;

public sealed class FeatureScaleOpTests : MixedPrecisionOpTests<FeatureScaleOpTests>, IOpTests
{
    public static IEnumerable<OpCase> Cases
    {
        get
        {
            foreach (int[] shape in new int[][] { [1, 3], [3, 17], [2, 5, 64], [700, 21] })     // a tail, whole vectors, more than one block of rows
            {
                int c = shape[^1];
                yield return new OpCase($"γ and β, C {c}", [shape, [c], [c]], (p, type) => p[0].Cast(type).ScaleFeatures(p[1], p[2])) { BFloat16 = 2e-2 };
                yield return new OpCase($"γ alone, C {c}", [shape, [c]], (p, type) => p[0].Cast(type).ScaleFeatures(p[1], output: DataType.Float32)) { BFloat16 = 2e-2 };
            }
        }
    }

    [Fact]
    public void Rows_are_what_the_plain_loop_makes()
    {
        using TensorScope scope = new();
        const int C = 37;
        float[] x = GradCheck.Numbers(new Rng(1), 2 * C), gamma = GradCheck.Numbers(new Rng(2), C), beta = GradCheck.Numbers(new Rng(3), C);
        float[] y = Tensor.From(x, new Shape(2, C)).ScaleFeatures(Tensor.From(gamma, new Shape(C)), Tensor.From(beta, new Shape(C))).ToArray();
        double[] row = new double[C];
        for (int i = 0; i < 2; i++)
        {
            Reference.ScaleFeatures(x.AsSpan(i * C, C), gamma, beta, row);
            ParityCase.AssertClose("row", [.. row.Select(value => (float)value)], y[(i * C)..((i + 1) * C)], 1e-6);
        }
    }

    [Fact]
    public void Frozen_factors_keep_nothing()
    {
        using TensorScope scope = new();
        using Tape tape = new(new Rng(0));
        using Parameter factors = Parameter.Full(new Shape(4), 2), shift = Parameter.Zeros(4);
        shift.Trainable = true;
        Tensor x = tape.Watch(Tensor.From(GradCheck.Numbers(new Rng(1), 12), new Shape(3, 4)));
        Tensor y = x.ScaleFeatures(factors, shift);
        Assert.Equal(1, tape.Count);
        Assert.Equal(0, tape.KeptBytes);
        tape.Backward(y.Dot(Tensor.Full(y.Shape, 1)));
    }

    [Fact]
    public void Gamma_and_beta_must_fit_the_last_axis()
    {
        using TensorScope scope = new();
        Tensor x = Tensor.Zeros(2, 3);
        Assert.Equal("ScaleFeatures: gamma [C] must match the last axis of x; got x [2, 3], gamma [2].", Assert.Throws<ArgumentException>(() => x.ScaleFeatures(Tensor.Zeros(2))).Message);
        Assert.Equal("ScaleFeatures: beta [C] must match the last axis of x; got x [2, 3], beta [4].", Assert.Throws<ArgumentException>(() => x.ScaleFeatures(Tensor.Zeros(3), Tensor.Zeros(4))).Message);
    }
}
