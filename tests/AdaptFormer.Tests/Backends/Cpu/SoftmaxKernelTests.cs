using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends.Cpu;
using AdaptFormer.Tests.Backends.OneDnn;
using AdaptFormer.Tests.Support;
using Xunit;
using static AdaptFormer.Tests.Backends.Cpu.KernelData;

namespace AdaptFormer.Tests.Backends.Cpu;

public sealed unsafe class SoftmaxKernelTests
{
    public static TheoryData<int> Widths => [1, 2, 4, 5, 15, 16, 17, 32, 33, 49, 64, 197, 257, 5000];

    [Theory]
    [MemberData(nameof(Widths))]
    public void Forward_equals_the_reference_and_leaves_the_gaps_alone(int n)
    {
        const int rows = 3;
        int ld = n + 3, ldBias = n + 1, ldP = n + 5;
        foreach (DataType pt in Types)
            foreach (bool biased in new[] { true, false })
                foreach (float scale in new[] { 0.125f, -2f, 0f })
                {
                    using NativeMatrix s = Random(F32, rows * ld, 1, 4), bias = Random(F32, rows * ldBias, 2, 4), p = Random(pt, rows * ldP, 3), before = p.Copy();
                    SoftmaxKernel.Forward((float*)s.Pointer, ld, rows, n, scale, biased ? (float*)bias.Pointer : null, ldBias, p.Pointer, pt, ldP);
                    double[] expected = before.ToArray().Select(x => (double)x).ToArray();
                    for (int row = 0; row < rows; row++)
                    {
                        Reference.Softmax(
                            s.ToArray().AsSpan(row * ld, n), scale, biased ? bias.ToArray().AsSpan(row * ldBias, n) : [], expected.AsSpan(row * ldP, n));
                    }

                    // A score of magnitude 50 is itself rounded by 2e-6, and its exponential by as much relatively.
                    AssertClose(i => expected[i], p, 1e-5, 1e-30, $"softmax to {pt}");
                }
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void Backward_equals_the_reference_and_leaves_the_gaps_alone(int n)
    {
        const int rows = 3;
        int ldP = n + 5, ldDp = n + 3, ldDs = n + 2;
        foreach (DataType pt in Types)
            foreach (DataType dst in Types)
            {
                using NativeMatrix p = Random(pt, rows * ldP, 1), dp = Random(F32, rows * ldDp, 2), ds = Random(dst, rows * ldDs, 3), before = ds.Copy();
                SoftmaxKernel.Backward(p.Pointer, pt, ldP, (float*)dp.Pointer, ldDp, rows, n, 0.125f, ds.Pointer, dst, ldDs);
                double[] expected = before.ToArray().Select(x => (double)x).ToArray();
                for (int row = 0; row < rows; row++)
                {
                    Reference.SoftmaxBackward(
                        p.ToArray().AsSpan(row * ldP, n), dp.ToArray().AsSpan(row * ldDp, n), 0.125f, expected.AsSpan(row * ldDs, n));
                }

                AssertClose(i => expected[i], ds, 1e-6, 1e-6 * Math.Sqrt(n), $"softmax backward {pt} to {dst}");
            }
    }

    [Fact]
    public void Scores_may_be_overwritten_in_place()
    {
        using NativeMatrix s = Random(F32, 3 * 40, 1), p = new(F32, 3 * 40), dp = Random(F32, 3 * 40, 2), ds = new(F32, 3 * 40);
        SoftmaxKernel.Forward((float*)s.Pointer, 40, 3, 40, 0.5f, null, 0, p.Pointer, F32, 40);
        SoftmaxKernel.Forward((float*)s.Pointer, 40, 3, 40, 0.5f, null, 0, s.Pointer, F32, 40);
        Assert.Equal(p.Bytes(), s.Bytes());
        SoftmaxKernel.Backward(p.Pointer, F32, 40, (float*)dp.Pointer, 40, 3, 40, 0.5f, ds.Pointer, F32, 40);
        SoftmaxKernel.Backward(p.Pointer, F32, 40, (float*)dp.Pointer, 40, 3, 40, 0.5f, dp.Pointer, F32, 40);
        Assert.Equal(ds.Bytes(), dp.Bytes());
    }

    [Theory]
    [InlineData(5)]
    [InlineData(37)]
    public void A_masked_score_gets_no_weight_and_a_NaN_makes_its_row_NaN(int n)
    {
        using NativeMatrix s = Random(F32, 2 * n, 1), p = new(F32, 2 * n);
        s[0] = float.NegativeInfinity;
        s[n - 1] = -1e30f;
        s[n] = float.NaN;
        SoftmaxKernel.Forward((float*)s.Pointer, n, 2, n, 1, null, 0, p.Pointer, F32, n);
        Assert.Equal(0, p[0]);
        Assert.Equal(0, p[n - 1]);
        Assert.Equal(1, Enumerable.Range(0, n).Sum(i => (double)p[i]), 1e-6);
        for (int i = n; i < 2 * n; i++) Assert.True(float.IsNaN(p[i]));
    }

    [Fact]
    public void Huge_scores_do_not_overflow()
    {
        using NativeMatrix s = new(F32, 20), p = new(F32, 20);
        for (int i = 0; i < 20; i++) s[i] = 3e38f;
        SoftmaxKernel.Forward((float*)s.Pointer, 20, 1, 20, 1, null, 0, p.Pointer, F32, 20);
        for (int i = 0; i < 20; i++) Assert.Equal(0.05, p[i], 1e-7);
    }
}
