using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;
using AdaptFormer.Tensors.Backends.Cpu;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Backends.Cpu;

/// <summary>Linear layers in 8 bits: near the exact ones, and the same bits from every library, row by row and for any number of
/// threads.</summary>
public sealed class ByteLinearTests
{
    public static TheoryData<int, int, int> Sizes => new()
    {
        { 1, 1, 1 }, { 3, 5, 7 }, { 4, 4, 16 }, { 17, 33, 15 }, { 197, 192, 576 }, { 260, 64, 40 },
    };

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Results_are_near_the_exact_ones(int rows, int k, int n)
    {
        using TensorScope scope = new();
        (Tensor x, Parameter weight, Tensor bias) = Layer(rows, k, n);
        float[] exact = x.Linear(weight, bias).ToArray();
        weight.InBytes = true;
        float[] rounded = x.Linear(weight, bias).ToArray();
        double allowed = 0.03 * Math.Sqrt(k);
        Assert.All(exact.Zip(rounded), pair => Assert.InRange(pair.Second - pair.First, -allowed, allowed));
        if (rows * k > 100) Assert.NotEqual(exact, rounded);
        weight.InBytes = false;
        Assert.Equal(exact, x.Linear(weight, bias).ToArray());
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Every_library_and_every_number_of_threads_gives_the_same_bits(int rows, int k, int n)
    {
        List<float[]> results = [];
        foreach (string backend in new[] { CpuBackends.Managed, CpuBackends.OneDnnName })
        {
            if (backend == CpuBackends.OneDnnName && CpuBackend.Native is null) continue;
            using IDisposable _ = CpuBackends.Use(backend);
            using TensorScope scope = new();
            (Tensor x, Parameter weight, Tensor bias) = Layer(rows, k, n);
            weight.InBytes = true;
            Tensor residual = Tensor.From(GradCheck.Numbers(new Rng(4), rows * n), new Shape(rows, n));
            results.Add([.. x.Linear(weight, bias).ToArray(), .. x.LinearGelu(weight, bias).ToArray(), .. x.Linear(weight, bias, residual: residual, scale: 0.5f).ToArray()]);
            Tensor last = x.View(new Shape(1, k), (long)(rows - 1) * k);
            Assert.Equal(results[^1][((rows - 1) * n)..(rows * n)], last.Linear(weight, bias).ToArray());
        }

        Assert.All(results, result => Assert.Equal(results[0], result));
    }

    [Theory]
    [InlineData(17, 33, 15)]
    [InlineData(40, 64, 48)]
    public void Rows_in_bf16_are_read_and_written_as_they_are(int rows, int k, int n)
    {
        using TensorScope scope = new();
        (Tensor x, Parameter weight, Tensor bias) = Layer(rows, k, n);
        Tensor half = x.Cast(DataType.BFloat16);
        weight.InBytes = true;
        float[] fromFloats = half.Cast(DataType.Float32).Linear(weight, bias).ToArray();
        Assert.Equal(fromFloats, half.Linear(weight, bias, output: DataType.Float32).ToArray());
        Tensor written = x.LinearGelu(weight, bias, output: DataType.BFloat16);
        Assert.Equal(DataType.BFloat16, written.Type);
        Assert.Equal(x.LinearGelu(weight, bias).Cast(DataType.BFloat16).Cast(DataType.Float32).ToArray(), written.Cast(DataType.Float32).ToArray());
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void What_is_no_number_is_seen_in_its_row_and_in_no_other(float wrong)
    {
        using TensorScope scope = new();
        (Tensor x, Parameter weight, Tensor bias) = Layer(3, 40, 8);
        weight.InBytes = true;
        float[] sound = x.Linear(weight, bias).ToArray(), numbers = x.ToArray();
        numbers[40 + 35] = wrong;
        float[] found = Tensor.From(numbers, x.Shape).Linear(weight, bias).ToArray();
        Assert.All(found[8..16], value => Assert.True(float.IsNaN(value)));
        Assert.Equal(sound[..8], found[..8]);
        Assert.Equal(sound[16..], found[16..]);
    }

    [Fact]
    public void A_weight_that_trains_stays_exact()
    {
        using TensorScope scope = new();
        (Tensor x, Parameter weight, Tensor bias) = Layer(4, 32, 8);
        float[] exact = x.Linear(weight, bias).ToArray();
        weight.InBytes = true;
        weight.Trainable = true;
        float[] trained = x.Linear(weight, bias).ToArray();
        Assert.All(exact.Zip(trained), pair => Assert.InRange(pair.Second - pair.First, -1e-4, 1e-4));
    }

    private static (Tensor X, Parameter Weight, Tensor Bias) Layer(int rows, int k, int n)
    {
        Rng rng = new(rows + k + n);
        return (Tensor.From(GradCheck.Numbers(rng, rows * k), new Shape(rows, k)), Parameter.From(GradCheck.Numbers(rng, n * k), new Shape(n, k)),
            Tensor.From(GradCheck.Numbers(rng, n), new Shape(n)));
    }
}
