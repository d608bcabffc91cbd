using AdaptFormer.Experiments;
using AdaptFormer.Files;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tensors.Backends.Cpu;
using AdaptFormer.Tests.Cli;
using AdaptFormer.Tests.Support;
using AdaptFormer.Training;
using Xunit;

namespace AdaptFormer.Tests.Experiments;

/// <summary>A whole training gives the same files on any number of threads: otherwise a run resumed elsewhere, or a trial that gets fewer threads, would be another run.</summary>
[Collection(ProcessWideState.Name)]
public sealed class ThreadCountTrainingTests : IDisposable
{
    // Wide enough that oneDNN rounds a row by the number of rows in its call.
    private const string Sizes = """{"img_height":16,"img_width":16,"patch_size":4,"embed_dim":96,"depth":2,"num_heads":3,"mlp_ratio":2}""";
    private readonly TinyTask _task = new();

    public void Dispose() => _task.Dispose();

    [Theory]
    [InlineData(CpuBackends.Managed, "float32", "tuning.bottleneck=16")]
    [InlineData(CpuBackends.Managed, "bfloat16", "tuning.bottleneck=16")]
    [InlineData(CpuBackends.OneDnnName, "float32", "tuning.bottleneck=16")]
    [InlineData(CpuBackends.OneDnnName, "bfloat16", "tuning.bottleneck=16")]
    [InlineData(CpuBackends.OneDnnName, "float32", """tuning={"method": "full"}""")]
    public void One_two_and_three_threads_learn_the_same_to_the_bit(string backend, string precision, string tuning)
    {
        using IDisposable _ = CpuBackends.Use(backend);
        Recipe recipe = Recipe.Load(_task.Recipe,
        [
            "model.weights=null", $"model.config={Sizes}", "data.kind=synthetic-downstream", "data.train=96:11:16", "data.test=20:12:16", "data.validation_fraction=0", "batch=32", "epochs=2",
            "tensorboard=false", $"precision={precision}", tuning,
        ]);
        int threads = CpuParallel.Threads;
        try
        {
            byte[]? expected = null;
            double? loss = null;
            foreach (int count in new[] { 1, 2, 3 })
            {
                CpuParallel.Threads = count;
                TrainingSummary summary = TrainingRun.Execute(recipe, _task[$"{count}"], ExistingRun.Refuse, _ => { });
                byte[] adapter = File.ReadAllBytes(summary.Adapter!);
                Assert.Equal(expected ??= adapter, adapter);
                Assert.Equal(loss ??= summary.TestLoss, summary.TestLoss);
            }
        }
        finally
        {
            CpuParallel.Threads = threads;
        }
    }
}
