using System.Globalization;
using System.Text.Json;
using Xunit;

namespace AdaptFormer.Tests.Cli.Commands;

/// <summary>A multi-label task from the recipe to the answer.</summary>
public sealed class MultiLabelCommandTests(TinyTask task) : IClassFixture<TinyTask>
{
    private static readonly string[] Overrides =
    [
        "--set", "data.kind=synthetic-multilabel", "--set", "data.train=48:1:16", "--set", "data.test=24:2:16", "--set", "optimizer={\"name\": \"adam\", \"lr\": 0.003}",
        "--set", "schedule={\"name\": \"one_cycle\", \"pct_start\": 0.2}", "--set", "epochs=2",
    ];

    [Fact]
    public async Task Train_eval_and_predict_agree_on_several_labels()
    {
        string run = task["many"];
        CliOutcome train = await CliProgram.Call(["train", task.Recipe, "--output", run, "--json", .. Overrides]);
        Assert.True(train.Code == 0, train.Error);
        JsonElement summary = train.Json[^1];
        Assert.InRange(summary.GetProperty("test_map").GetDouble(), 10, 100);
        Assert.True(train.Json[0].TryGetProperty("validation_map", out _));

        CliOutcome eval = await CliProgram.Call("eval", "--run", run, "--json", "--per-class");
        Assert.True(eval.Code == 0, eval.Error);
        Assert.Equal(summary.GetProperty("test_map").GetDouble(), eval.Json[0].GetProperty("map").GetDouble(), 9);
        Assert.Equal(summary.GetProperty("test_map_sklearn").GetDouble(), eval.Json[0].GetProperty("map_sklearn").GetDouble(), 9);
        JsonElement[] classes = [.. eval.Json[0].GetProperty("per_class").EnumerateArray()];
        Assert.Equal(8, classes.Length);
        Assert.Equal(eval.Json[0].GetProperty("map").GetDouble(), classes.Average(c => c.GetProperty("ap").GetDouble()), 9);

        CliOutcome text = await CliProgram.Call("eval", "--run", run, "--per-class");
        Assert.Contains("mAP (ASL)", text.Output, StringComparison.Ordinal);

        CliOutcome all = await CliProgram.Call("predict", task["test"], "--run", run, "--json", "--top-k", "8", "--threshold", "0");
        CliOutcome sure = await CliProgram.Call("predict", task["test"], "--run", run, "--json", "--top-k", "8", "--threshold", "0.6");
        Assert.True(all.Code + sure.Code == 0, all.Error + sure.Error);
        foreach ((JsonElement each, JsonElement few) in all.Json.Zip(sure.Json))
        {
            double[] probabilities = [.. each.GetProperty("classes").EnumerateArray().Select(c => c.GetProperty("probability").GetDouble())];
            Assert.Equal(8, probabilities.Length);
            Assert.Equal(probabilities.Count(p => p >= 0.6), few.GetProperty("classes").GetArrayLength());
        }
    }

    [Fact]
    public async Task A_loss_for_one_label_is_refused_and_a_model_of_one_label_is_not_scored_on_several()
    {
        CliOutcome train = await CliProgram.Call(["train", task.Recipe, "--output", task["refused"], .. Overrides, "--set", "loss.name=cross_entropy"]);
        Assert.Contains("bce or asymmetric", train.Error, StringComparison.Ordinal);
        Assert.Equal("2", train.Code.ToString(CultureInfo.InvariantCulture));

        string manifest = task.Write("several.csv", "path,labels\ntrain/dark/0.png,dark|bright\ntrain/striped/1.png,striped\n");
        Assert.Equal(0, (await CliProgram.Call("train", task.Recipe, "--output", task["single"], "--set", "epochs=1")).Code);
        CliOutcome eval = await CliProgram.Call("eval", "--run", task["single"], "--data", manifest);
        Assert.Contains("several classes a picture", eval.Error, StringComparison.Ordinal);
    }
}
