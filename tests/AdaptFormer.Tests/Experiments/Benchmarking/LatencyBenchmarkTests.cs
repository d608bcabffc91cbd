using AdaptFormer.Experiments.Benchmarking;
using AdaptFormer.Models;
using AdaptFormer.Peft;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Experiments.Benchmarking;

public sealed class LatencyBenchmarkTests
{
    private static readonly NamedTuning[] Methods = [new("full", new FullTuning()), new("linear", new LinearProbe()), new("adaptformer", new AdaptFormerTuning(Bottleneck: 2)), new("lora", new LoraTuning(2))];

    public static TheoryData<string> Models => [.. TinyModels.All.Keys];

    [Theory]
    [MemberData(nameof(Models))]
    public void Every_backbone_and_method_gets_its_row(string name)
    {
        using Backbone sizes = TinyModels.All[name].Create(name, DataType.Float32);
        List<(int Done, int Of)> seen = [];
        LatencyResult result = new LatencyBenchmark(new LatencyOptions(sizes, Methods, Classes: 3, TrainBatch: 2, PredictBatches: [1, 3], Trials: 2)).Run((done, of) => seen.Add((done, of)));
        Assert.Equal(4 * 3 * 2, seen.Count);
        Assert.Equal((24, 24), seen[^1]);
        Assert.Equal(Methods.Select(method => method.Name), result.Methods.Select(method => method.Method));
        foreach (MethodLatency method in result.Methods)
        {
            Assert.Equal(2, method.Train!.Batch);
            Assert.Equal([1, 3], method.Predict.Select(p => p.Batch));
            Assert.All(method.Predict.Append(method.Train), l => Assert.True(l.LowMs > 0 && l.LowMs <= l.MedianMs && l.MedianMs <= l.HighMs && l.Relative > 0));
            ModelReport counted = ModelReport.Of(sizes, Methods.Single(m => m.Name == method.Method).Tuning, classes: 3);
            Assert.Equal((counted.Trainable, counted.Total, counted.Macs, counted.FvcoreMacs), (method.TrainableParameters, method.Parameters, method.Macs, method.FvcoreMacs));
        }

        Assert.Equal(1, result.Methods[0].Train!.Relative);
        Assert.Equal(1, result.Methods[1].Predict[0].Relative);
        Assert.Equal([false, false, false, true], result.Methods.Select(method => method.Merges));
    }

    [Fact]
    public void Without_a_reference_nothing_is_relative_and_training_can_be_left_out()
    {
        using Backbone sizes = TinyBackbone.Config.Create("mini", DataType.Float32);
        LatencyBenchmark benchmark = new(new LatencyOptions(sizes, [new("vpt", new VptTuning())], Classes: 3, TrainBatch: null, PredictBatches: [2], Trials: 3));
        ModelReport report = ModelReport.Of(sizes, new VptTuning(), classes: 3);
        Assert.Equal(2.0 * report.Predict.Macs * 2 * 3 / 1e6, benchmark.Shortest(1e6).TotalSeconds, 1e-3);
        MethodLatency only = Assert.Single(benchmark.Run().Methods);
        Assert.Null(only.Train);
        Assert.Null(only.Predict[0].Relative);
    }

    [Fact]
    public void It_stops_between_two_calls()
    {
        using Backbone sizes = TinyBackbone.Config.Create("mini", DataType.Float32);
        using CancellationTokenSource stop = new();
        int calls = 0;
        LatencyBenchmark benchmark = new(new LatencyOptions(sizes, Methods, 3, 1, [1], 100));
        Assert.Throws<OperationCanceledException>(() => benchmark.Run((done, _) =>
        {
            calls = done;
            if (done == 3) stop.Cancel();
        }, stop.Token));
        Assert.Equal(3, calls);
    }

    [Theory]
    [InlineData(0.5, 2.5)]
    [InlineData(0.25, 1.75)]
    [InlineData(0, 1)]
    [InlineData(1, 4)]
    public void Quantiles_lie_between_neighbours(double share, double expected) => Assert.Equal(expected, LatencyBenchmark.Quantile([3, 1, 4, 2], share), 1e-12);
}
