using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends.OneDnn;
using AdaptFormer.Training.Benchmarking;
using Xunit;
using Provider = AdaptFormer.Tensors.Backends.OneDnn.OneDnn;

namespace AdaptFormer.Tests.Backends.OneDnn;

public sealed class BFloat16RaceTests
{
    [Fact]
    public void Auto_precision_agrees_with_the_measured_rates_where_these_are_far_apart()
    {
        OneDnnMatMul library = OneDnnTestLibrary.Open(DataType.BFloat16);
        double ratio = MatMulRate.Measure(DataType.BFloat16, rounds: 2) / MatMulRate.Measure(DataType.Float32, rounds: 2);
        Assert.SkipUnless(ratio is < 0.9 or > 1.6, $"bf16 runs at {ratio:0.00} of f32 here: too near to call.");
        Assert.Equal(ratio > 1, library.FastBFloat16);
    }

    [Fact]
    public void The_answer_stays_for_the_life_of_the_process()
    {
        Assert.SkipUnless(Provider.Available, Provider.Why);
        bool first = Provider.Library!.FastBFloat16;
        for (int i = 0; i < 20; i++) Assert.Equal(first, Provider.Library!.FastBFloat16);
    }
}
