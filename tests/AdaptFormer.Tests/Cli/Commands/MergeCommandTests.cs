using AdaptFormer.Experiments;
using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Models.Vit;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Training;
using Xunit;

namespace AdaptFormer.Tests.Cli.Commands;

/// <summary>Training with LoRA, folding it into the backbone, and predicting with the plain model.</summary>
public sealed class MergeCommandTests(TinyTask task) : IClassFixture<TinyTask>
{
    [Fact]
    public async Task A_merged_model_predicts_what_the_adapter_did()
    {
        string run = task["run-lora"], adapter = Path.Combine(run, "adapter.safetensors"), merged = task["merged.safetensors"];
        CliOutcome trained = await CliProgram.Call("train", task.Recipe, "--output", run, "--set", "tuning.method=lora", "--set", "tuning.rank=2", "--set", "tuning.targets=q,v,fc1", "--set", "epochs=1");
        Assert.True(trained.Code == 0, trained.Error);

        Assert.Contains("give it with --backbone", (await Wrong(adapter, merged, "--to", "timm", "--merge")).Error);
        Assert.Contains("folds an adapter file", (await Wrong(task.Backbone, merged, "--to", "timm", "--merge", "--backbone", task.Backbone)).Error);
        Assert.False(File.Exists(merged));
        CliOutcome outcome = await CliProgram.Call("convert", run, merged, "--to", "timm", "--merge", "--backbone", task.Backbone);
        Assert.True(outcome.Code == 0, outcome.Error);
        Assert.Contains("with lora and a linear head of 3 classes", outcome.Output);

        byte[] byRun = File.ReadAllBytes(merged);
        outcome = await CliProgram.Call("convert", adapter, merged, "--to", "timm", "--merge", "--backbone", task.Backbone);
        Assert.True(outcome.Code == 0, outcome.Error);
        Assert.Equal(byRun, File.ReadAllBytes(merged));     // a run means what it has learned

        // The merged file alone has sizes, names of classes and preprocessing, and scores as the adapter does.
        CliOutcome byAdapter = await Score("--adapter", adapter, "--weights", task.Backbone), byFile = await Score("--weights", merged);
        foreach (string score in new[] { "top1", "top5", "loss" })
            Assert.Equal(byAdapter.Json[0].GetProperty(score).GetDouble(), byFile.Json[0].GetProperty(score).GetDouble(), 5);

        using Predictor tuned = Predictor.OpenAdapter(adapter, task.Backbone, Precision.Float32);
        using Backbone model = BackboneLoader.Open(merged, new BackboneOptions(Config: new VitConfig(16, 16, 8, EmbedDim: 16, Depth: 2, NumHeads: 2, MlpRatio: 2)));
        using Predictor plain = new(model, TinyTask.Labels);
        foreach (string picture in new[] { task["test/dark/0.png"], task["test/bright/1.png"] })
        {
            IReadOnlyList<ClassScore> expected = tuned.Predict(picture), answer = plain.Predict(picture);
            Assert.Equal(expected.Select(score => score.Label), answer.Select(score => score.Label));
            Assert.All(expected.Zip(answer), pair => Assert.Equal(pair.First.Probability, pair.Second.Probability, 4));
        }
    }

    private async Task<CliOutcome> Score(params string[] model)
    {
        CliOutcome outcome = await CliProgram.Call(["eval", .. model, "--data", task["test"], "--precision", "float32", "--json"]);
        Assert.True(outcome.Code == 0, outcome.Error);
        return outcome;
    }

    private static async Task<CliOutcome> Wrong(params string[] arguments)
    {
        CliOutcome outcome = await CliProgram.Call(["convert", .. arguments]);
        Assert.Equal(2, outcome.Code);
        Assert.Single(outcome.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        return outcome;
    }
}
