using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends.Cpu;
using AdaptFormer.Tests.Backends.OneDnn;
using Xunit;
using static AdaptFormer.Tests.Backends.Cpu.KernelData;

namespace AdaptFormer.Tests.Backends.Cpu;

public sealed unsafe class ReductionTests
{
    public static TheoryData<int, int> Sizes => new()
    {
        { 0, 5 }, { 1, 1 }, { 3, 15 }, { 5, 16 }, { 2, 17 }, { 63, 64 }, { 64, 63 }, { 65, 65 }, { 197, 197 }, { 700, 37 },
    };

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Sums_and_means_of_rows_equal_the_equation(int rows, int c)
    {
        foreach (DataType type in Types)
        {
            using NativeMatrix x = Random(type, rows * c, 1), y = Random(F32, c, 2), before = y.Copy(), mean = Random(F32, c, 3);
            double Sum(long j) => Enumerable.Range(0, rows).Sum(r => (double)x[(r * c) + j]);
            Reduction.SumRows(x.Pointer, type, rows, c, (float*)y.Pointer);
            AssertClose(j => before[j] + Sum(j), y, 1e-6, 1e-6 * Math.Sqrt(rows), $"SumRows {type}");
            Reduction.MeanRows(x.Pointer, type, rows, c, (float*)mean.Pointer);
            AssertClose(j => Sum(j) / rows, mean, 1e-6, 1e-6, $"MeanRows {type}");
        }
    }

    [Fact]
    public void A_long_sum_of_equal_numbers_keeps_its_accuracy()
    {
        const int rows = 100_000;
        using NativeMatrix x = new(F32, rows), y = new(F32, 1);
        for (int i = 0; i < rows; i++) x[i] = 0.1f;
        y[0] = 0;
        Reduction.SumRows(x.Pointer, F32, rows, 1, (float*)y.Pointer);
        Assert.Equal(10_000, y[0], 0.05);    // one running sum would be off by 1.4
    }
}
