using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends.Cpu;
using AdaptFormer.Tests.Backends.OneDnn;
using AdaptFormer.Tests.Support;
using Xunit;
using static AdaptFormer.Tests.Backends.Cpu.KernelData;

namespace AdaptFormer.Tests.Backends.Cpu;

public sealed unsafe class LayerNormKernelTests
{
    private const float Eps = 1e-6f;

    public static TheoryData<int> Widths => [1, 3, 4, 5, 15, 16, 17, 31, 64, 65, 127, 192, 197, 768, 1030];

    [Theory]
    [MemberData(nameof(Widths))]
    public void Forward_equals_the_reference(int c)
    {
        const int rows = 3;
        foreach (DataType xt in Types)
            foreach (DataType yt in Types)
                foreach (bool affine in new[] { true, false })
                {
                    using NativeMatrix x = Random(xt, rows * c, 1), gamma = Random(F32, c, 2), beta = Random(F32, c, 3), y = new(yt, rows * c);
                    using NativeMatrix mean = new(F32, rows), rstd = new(F32, rows);
                    LayerNormKernel.Forward(
                        x.Pointer, xt, affine ? (float*)gamma.Pointer : null, affine ? (float*)beta.Pointer : null, Eps,
                        y.Pointer, yt, (float*)mean.Pointer, (float*)rstd.Pointer, rows, c);
                    double[] expected = new double[rows * c];
                    double[] means = new double[rows], inverses = new double[rows];
                    float[] input = x.ToArray(), g = affine ? gamma.ToArray() : [], b = affine ? beta.ToArray() : [];
                    for (int row = 0; row < rows; row++)
                        (means[row], inverses[row]) = Reference.LayerNorm(input.AsSpan(row * c, c), g, b, Eps, expected.AsSpan(row * c, c));
                    if (c == 1) continue;    // the variance is rounding noise only
                    AssertClose(i => expected[i], y, 1e-5, 1e-5, $"LayerNorm {xt} to {yt}");
                    AssertClose(i => means[i], mean, 0, 1e-6, "mean");
                    AssertClose(i => inverses[i], rstd, 3e-6, 0, "rstd");
                }
    }

    [Fact]
    public void A_large_offset_does_not_spoil_the_variance()
    {
        using NativeMatrix x = new(F32, 768), rstd = new(F32, 1), y = new(F32, 768);
        for (int i = 0; i < 768; i++) x[i] = 4096 + (i % 2);    // variance 1/4 exactly
        LayerNormKernel.Forward(x.Pointer, F32, null, null, 0, y.Pointer, F32, null, (float*)rstd.Pointer, 1, 768);
        Assert.Equal(2, rstd[0], 1e-5);
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void Backward_equals_the_reference(int c)
    {
        const int rows = 3;
        foreach (DataType xt in Types)
            foreach (DataType dyt in Types)
                foreach (bool affine in new[] { true, false })
                    foreach (bool accumulate in new[] { true, false })
                    {
                        using NativeMatrix x = Random(xt, rows * c, 1), gamma = Random(F32, c, 2), dy = Random(dyt, rows * c, 3), dx = Random(F32, rows * c, 4);
                        using NativeMatrix mean = Random(F32, rows, 5), rstd = Random(F32, rows, 6), before = dx.Copy();
                        LayerNormKernel.Backward(
                            x.Pointer, xt, (float*)mean.Pointer, (float*)rstd.Pointer, affine ? (float*)gamma.Pointer : null,
                            dy.Pointer, dyt, (float*)dx.Pointer, accumulate, rows, c);
                        double[] expected = new double[rows * c];
                        for (int row = 0; row < rows; row++)
                        {
                            Reference.LayerNormBackward(
                                x.ToArray().AsSpan(row * c, c), mean[row], rstd[row], affine ? gamma.ToArray() : [], dy.ToArray().AsSpan(row * c, c),
                                expected.AsSpan(row * c, c));
                        }

                        AssertClose(i => expected[i] + (accumulate ? before[i] : 0), dx, 1e-5, 2e-5, $"LayerNorm backward {xt}, {dyt}");
                    }
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void Parameter_gradients_equal_the_sums(int c)
    {
        const int rows = 9;
        foreach (DataType xt in Types)
            foreach (DataType dyt in Types)
            {
                using NativeMatrix x = Random(xt, rows * c, 1), dy = Random(dyt, rows * c, 3), mean = Random(F32, rows, 5), rstd = Random(F32, rows, 6);
                using NativeMatrix dgamma = Random(F32, c, 7), dbeta = Random(F32, c, 8), gammaBefore = dgamma.Copy(), betaBefore = dbeta.Copy();
                LayerNormKernel.BackwardParams(
                    x.Pointer, xt, (float*)mean.Pointer, (float*)rstd.Pointer, dy.Pointer, dyt, (float*)dgamma.Pointer, (float*)dbeta.Pointer, rows, c);
                AssertClose(
                    j => gammaBefore[j] + Enumerable.Range(0, rows).Sum(r => (double)dy[(r * c) + j] * (x[(r * c) + j] - mean[r]) * rstd[r]),
                    dgamma, 1e-5, 1e-5, "dgamma");
                AssertClose(j => betaBefore[j] + Enumerable.Range(0, rows).Sum(r => (double)dy[(r * c) + j]), dbeta, 1e-5, 1e-5, "dbeta");
            }
    }

    [Fact]
    public void The_output_may_be_the_input_and_the_gradient_may_be_dy()
    {
        using NativeMatrix x = Random(F32, 3 * 37, 1), y = new(F32, 3 * 37), dy = Random(F32, 3 * 37, 2), dx = new(F32, 3 * 37);
        using NativeMatrix mean = new(F32, 3), rstd = new(F32, 3);
        LayerNormKernel.Forward(x.Pointer, F32, null, null, Eps, y.Pointer, F32, (float*)mean.Pointer, (float*)rstd.Pointer, 3, 37);
        LayerNormKernel.Backward(x.Pointer, F32, (float*)mean.Pointer, (float*)rstd.Pointer, null, dy.Pointer, F32, (float*)dx.Pointer, false, 3, 37);
        LayerNormKernel.Backward(x.Pointer, F32, (float*)mean.Pointer, (float*)rstd.Pointer, null, dy.Pointer, F32, (float*)dy.Pointer, false, 3, 37);
        LayerNormKernel.Forward(x.Pointer, F32, null, null, Eps, x.Pointer, F32, null, null, 3, 37);
        Assert.Equal(y.Bytes(), x.Bytes());
        Assert.Equal(dx.Bytes(), dy.Bytes());
    }

    [Fact]
    public void A_NaN_makes_its_own_row_NaN_and_no_other()
    {
        using NativeMatrix x = Random(F32, 3 * 40, 1), y = new(F32, 3 * 40);
        x[40 + 39] = float.NaN;
        LayerNormKernel.Forward(x.Pointer, F32, null, null, Eps, y.Pointer, F32, null, null, 3, 40);
        for (int i = 0; i < 3 * 40; i++) Assert.Equal(i / 40 == 1, float.IsNaN(y[i]));
    }
}
