using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends.Cpu;
using AdaptFormer.Tests.Backends.OneDnn;
using Xunit;
using static AdaptFormer.Tests.Backends.Cpu.KernelData;

namespace AdaptFormer.Tests.Backends.Cpu;

public sealed unsafe class ElementwiseTests
{
    [Fact]
    public void Sums_and_products_equal_the_equation_at_all_lengths()
    {
        foreach (int n in Lengths)
        {
            using NativeMatrix a = Random(F32, n, 1), b = Random(F32, n, 2), y = new(F32, n);
            float* pa = (float*)a.Pointer, pb = (float*)b.Pointer, py = (float*)y.Pointer;
            Elementwise.Add(pa, pb, py, n);
            AssertClose(i => a[i] + b[i], y, 0, 0, "Add");
            Elementwise.Multiply(pa, pb, py, n);
            AssertClose(i => a[i] * b[i], y, 0, 0, "Multiply");
            using NativeMatrix before = y.Copy();
            Elementwise.MultiplyInto(py, pa, pb, n);
            AssertClose(i => before[i] + ((double)a[i] * b[i]), y, 1e-7, 1e-6, "MultiplyInto");
            double dot = Enumerable.Range(0, n).Sum(i => (double)a[i] * b[i]);
            Assert.Equal(dot, Elementwise.Dot(pa, pb, n), 2e-6 * Math.Sqrt(n + 1));
        }
    }

    [Fact]
    public void Scaled_copies_and_sums_equal_the_equation_for_all_types()
    {
        foreach (DataType xt in Types)
            foreach (int n in Lengths)
            {
                using NativeMatrix x = Random(xt, n, 1), y = Random(F32, n, 2), before = y.Copy();
                Elementwise.AddInto((float*)y.Pointer, x.Pointer, xt, -0.3f, n);
                AssertClose(i => before[i] + (-0.3f * (double)x[i]), y, 1e-7, 1e-7, "AddInto");
                foreach (DataType yt in Types)
                {
                    using NativeMatrix scaled = new(yt, n);
                    Elementwise.Scale(x.Pointer, xt, 1.7f, scaled.Pointer, yt, n);
                    AssertClose(i => 1.7f * (double)x[i], scaled, 1e-7, 0, "Scale");
                }
            }
    }

    [Fact]
    public void The_output_may_be_either_input()
    {
        using NativeMatrix a = Random(F32, 77, 1), b = Random(F32, 77, 2), sum = new(F32, 77), copy = a.Copy();
        Elementwise.Add((float*)a.Pointer, (float*)b.Pointer, (float*)sum.Pointer, 77);
        Elementwise.Add((float*)a.Pointer, (float*)b.Pointer, (float*)a.Pointer, 77);
        Assert.Equal(sum.Bytes(), a.Bytes());
        Elementwise.Add((float*)copy.Pointer, (float*)b.Pointer, (float*)b.Pointer, 77);
        Assert.Equal(sum.Bytes(), b.Bytes());
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    public void One_number_that_is_not_finite_is_found_wherever_it_stands(float bad)
    {
        foreach (DataType type in Types)
            foreach (int n in new[] { 1, 5, 16, 33, 5000 })
            {
                using NativeMatrix x = Random(type, n, 1);
                Assert.True(Elementwise.AllFinite(x.Pointer, type, n));
                foreach (int at in new[] { 0, n / 2, n - 1 })
                {
                    float good = x[at];
                    x[at] = bad;
                    Assert.False(Elementwise.AllFinite(x.Pointer, type, n));
                    x[at] = good;
                }
            }
    }

    [Fact]
    public void The_largest_finite_numbers_count_as_finite()
    {
        using NativeMatrix x = new(F32, 40);
        for (int i = 0; i < 40; i++) x[i] = i % 2 == 0 ? float.MaxValue : float.MinValue;
        Assert.True(Elementwise.AllFinite(x.Pointer, F32, 40));
    }
}
