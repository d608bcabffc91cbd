using System.Text.Json;
using AdaptFormer.Peft;
using Xunit;

namespace AdaptFormer.Tests.Cli.Commands;

public sealed class DescribeCommandTests
{
    [Fact]
    public async Task Options_of_a_method_and_a_model_are_edits_as_in_recipes()
    {
        CliOutcome outcome = await CliProgram.Call(
            "describe", "--model", "vit_small_patch16_224.videomae", "--preset", "lora", "--set", "tuning.rank=4", "--set", "model.num_frames=8", "--classes", "51", "--batch", "2", "--json");
        Assert.True(outcome.Code == 0, outcome.Error);
        JsonElement answer = outcome.Json[0];
        Assert.Equal("lora", answer.GetProperty("method").GetString());
        Assert.Equal(new LoraTuning(4).Formula, answer.GetProperty("formula").GetString());
        Assert.Equal((12 * 2 * 2 * 384 * 4) + (2 * 384) + (51 * 385), answer.GetProperty("trainable_parameters").GetInt64());
    }

    [Fact]
    public async Task The_memory_of_a_card_is_told_where_there_is_none()
    {
        const string Deep = """model.config={"img_height": 32, "img_width": 32, "patch_size": 4, "embed_dim": 64, "depth": 8, "num_heads": 2}""";
        JsonElement plain = await Card(), less = await Card("--set", "recompute=blocks");
        long train = plain.GetProperty("train_bytes").GetInt64(), code = plain.GetProperty("code_bytes").GetInt64();
        Assert.InRange(plain.GetProperty("predict_bytes").GetInt64(), code, train);
        Assert.InRange(less.GetProperty("train_bytes").GetInt64(), code, train - 1);
        CliOutcome wrong = await CliProgram.Call("describe", "--model", "deit_tiny_patch16_224", "--device", "gpu");
        Assert.Equal(2, wrong.Code);
        Assert.Contains("--device 'gpu' is not known; known: cpu, cuda,", wrong.Error, StringComparison.Ordinal);

        static async Task<JsonElement> Card(params string[] more)
        {
            CliOutcome outcome = await CliProgram.Call(
                ["describe", "--model", "tiny", "--set", Deep, "--batch", "32", "--device", "cuda", "--json", .. more]);
            Assert.True(outcome.Code == 0, outcome.Error);
            return outcome.Json[0].GetProperty("card");
        }
    }

    [Theory]
    [InlineData("--preset 'lore' is not known; known: official-image,", "--preset", "lore")]
    [InlineData("tuning.ranks is not known (did you mean 'rank'?)", "--preset", "lora", "--set", "tuning.ranks=4")]
    [InlineData("LoRA: tuning.rank is 0", "--preset", "lora", "--set", "tuning.rank=0")]
    public async Task What_is_wrong_is_said_in_one_message(string expected, params string[] arguments)
    {
        CliOutcome outcome = await CliProgram.Call(["describe", "--model", "deit_tiny_patch16_224", .. arguments]);
        Assert.Equal(2, outcome.Code);
        Assert.Contains(expected, outcome.Error);
        Assert.Equal("", outcome.Output);
    }

    [Fact]
    public async Task Latency_is_measured_for_the_papers_methods_and_the_described_one()
    {
        const string Tiny = """model.config={"img_height": 16, "img_width": 16, "patch_size": 8, "embed_dim": 16, "depth": 2, "num_heads": 2}""";
        CliOutcome outcome = await CliProgram.Call(
            "describe", "--model", "tiny", "--preset", "lora", "--set", Tiny, "--set", "tuning.rank=4", "--latency", "--trials", "2", "--batches", "1", "3", "--batch", "2", "--classes", "5", "--json");
        Assert.True(outcome.Code == 0, outcome.Error);
        JsonElement[] rows = [.. outcome.Json[0].GetProperty("methods").EnumerateArray()];
        Assert.Equal(["full", "linear", "vpt", "adaptformer", "lora"], rows.Select(row => row.GetProperty("method").GetString()));
        Assert.Equal(new LoraTuning(4).Formula, rows[4].GetProperty("formula").GetString());
        Assert.All(rows, row => Assert.True(row.GetProperty("train").GetProperty("median_ms").GetDouble() > 0 && row.GetProperty("predict").GetArrayLength() == 2));
    }

    [Theory]
    [InlineData("describe: --trials belongs to --latency.", "--trials", "3")]
    [InlineData("--batches: 0 images are no batch; expected at least 1.", "--latency", "--batches", "8", "0")]
    [InlineData("--methods 'lore' is not known; known: official-image,", "--latency", "--methods", "full", "lore")]
    public async Task Wrong_options_of_latency_are_said_before_anything_is_measured(string expected, params string[] arguments)
    {
        CliOutcome outcome = await CliProgram.Call(["describe", "--model", "deit_tiny_patch16_224", .. arguments]);
        Assert.Equal(2, outcome.Code);
        Assert.Contains(expected, outcome.Error);
        Assert.Equal("", outcome.Output);
    }
}
