using AdaptFormer.Experiments.Benchmarking;
using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Models.Vit;
using AdaptFormer.Peft;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Experiments.Benchmarking;

public sealed class ModelBenchmarkTests
{
    public static TheoryData<Tuning> Methods => [new AdaptFormerTuning(Bottleneck: 4), new AdaptFormerTuning(Bottleneck: 4, Layers: "3"), new VptTuning(), new LinearProbe(), new FullTuning()];

    [Theory]
    [MemberData(nameof(Methods))]
    public void The_profiler_counts_the_products_that_the_report_predicts(Tuning tuning)
    {
        const int Batch = 3;
        using VisionTransformer sizes = new("mini", TinyBackbone.Config), model = new("mini", TinyBackbone.Config);
        ModelReport report = ModelReport.Of(sizes, tuning, classes: 100, Batch);
        using ModelBenchmark steps = new(model, tuning, Batch);
        ProfilingBackend profile = new(Backend.Current);
        using (Backend.Use(profile))
        {
            steps.Predict();
            Assert.Equal(2.0 * report.Predict.Macs * Batch, profile.Flops, 2.0 * Batch);      // the report rounds to an image
            profile.Reset();
            steps.TrainStep();
            // The report also counts the scores that attention's backward pass computes anew.
            Assert.InRange(profile.Flops / (2.0 * report.Train.Macs * Batch), 0.98, 1.0001);
        }
    }

    [Fact]
    public void Random_weights_are_a_file_that_any_model_of_their_sizes_opens_and_that_goes_away()
    {
        ModelDescription mini = new("mini", TinyBackbone.Config, Preprocessing.ImageNet(16), Classes: 0);
        string path;
        using (RandomWeights weights = RandomWeights.For(mini))
        {
            path = weights.Path;
            using Backbone model = BackboneLoader.Open(path, new BackboneOptions("mini", TinyBackbone.Config));
            Assert.Empty(model.Source!.Report.Fresh);
            Assert.All(TinyBackbone.Logits(model), value => Assert.True(float.IsFinite(value)));
        }

        Assert.False(File.Exists(path));
    }
}
