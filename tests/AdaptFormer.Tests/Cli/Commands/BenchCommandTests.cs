using System.Text.Json;
using AdaptFormer.Models.Vit;
using Xunit;

namespace AdaptFormer.Tests.Cli.Commands;

public sealed class BenchCommandTests(TinyTask task) : IClassFixture<TinyTask>
{
    private static readonly string Sizes = new VitConfig(16, 16, 8, EmbedDim: 16, Depth: 2, NumHeads: 2, MlpRatio: 2).ToJson();

    [Fact]
    public async Task A_measurement_is_one_json_line_with_the_names_that_scripts_rely_on()
    {
        CliOutcome outcome = await CliProgram.Call(
            "bench", "--model", "mini", "--set", $"model.config={Sizes}", "--method", "vpt", "--batch", "1", "--precision", "float32", "--seconds", "0", "--profile", "--json");
        Assert.True(outcome.Code == 0, outcome.Error);
        JsonElement result = Assert.Single(outcome.Json);
        foreach (string key in (string[])["train_images_per_s", "predict_images_per_s", "peak_rss_bytes", "share_of_matmul_limit", "predict_share_of_matmul_limit", "matmul_gflops"])
            Assert.True(result.GetProperty(key).GetDouble() > 0, key);
        Assert.Equal(("mini", "vpt", "float32"), (result.GetProperty("model").GetString(), result.GetProperty("method").GetString(), result.GetProperty("precision").GetString()));
        Assert.Contains(result.GetProperty("predict_profile").EnumerateArray(), line => line.GetProperty("call").GetString() == "Attention");
        Assert.DoesNotContain(result.GetProperty("predict_profile").EnumerateArray(), line => line.GetProperty("call").GetString()!.Contains("Backward", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_method_is_held_against_another_and_trains_from_kept_results()
    {
        CliOutcome outcome = await CliProgram.Call(
            "bench", "--model", "mini", "--set", $"model.config={Sizes}", "--set", "tuning.bottleneck=4", "--layers", "2", "--batch", "2", "--precision", "float32", "--seconds", "0",
            "--against", "full", "--kept", "--json");
        Assert.True(outcome.Code == 0, outcome.Error);
        JsonElement result = Assert.Single(outcome.Json);
        Assert.Equal("full", result.GetProperty("against").GetString());
        Assert.All((string[])["train_time_ratio", "predict_time_ratio"], key => Assert.True(result.GetProperty(key).GetDouble() > 0, key));

        outcome = await CliProgram.Call("bench", "--model", "mini", "--set", $"model.config={Sizes}", "--method", "full", "--batch", "2", "--precision", "float32", "--seconds", "0", "--kept");
        Assert.NotEqual(0, outcome.Code);
        Assert.Contains("there are no results to keep", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Predictions_in_8_bits_are_measured_and_training_in_8_bits_is_refused()
    {
        string[] call = ["bench", "--model", "mini", "--set", $"model.config={Sizes}", "--set", "tuning.bottleneck=4", "--batch", "2", "--precision", "int8", "--seconds", "0", "--profile", "--json"];
        CliOutcome outcome = await CliProgram.Call([.. call, "--modes", "predict"]);
        Assert.True(outcome.Code == 0, outcome.Error);
        Assert.Equal("int8", outcome.Json[0].GetProperty("precision").GetString());
        Assert.True(outcome.Json[0].GetProperty("predict_images_per_s").GetDouble() > 0);
        Assert.False(outcome.Json[0].TryGetProperty("predict_share_of_matmul_limit", out _));

        outcome = await CliProgram.Call(call);
        Assert.NotEqual(0, outcome.Code);
        Assert.Contains("--modes predict", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Loading_is_measured_on_a_folder()
    {
        CliOutcome outcome = await CliProgram.Call("bench", "--loading", task["test"], "--seconds", "0", "--json");
        Assert.True(outcome.Code == 0, outcome.Error);
        Assert.True(outcome.Json[0].GetProperty("images_per_s_per_core").GetDouble() > 0);
        Assert.Equal(15, outcome.Json[0].GetProperty("images").GetInt32());
    }
}
