using System.Text.Json;
using AdaptFormer.Peft;
using Xunit;

namespace AdaptFormer.Tests.Cli.Commands;

public sealed class DescribeCommandTests
{
    [Fact]
    public async Task Options_of_a_method_and_a_model_are_edits_as_in_recipes()
    {
        CliOutcome outcome = await CliProgram.Run(
            "describe", "--model", "vit_small_patch16_224.videomae", "--preset", "lora", "--set", "tuning.rank=4", "--set", "model.num_frames=8", "--classes", "51", "--batch", "2", "--json");
        Assert.True(outcome.Code == 0, outcome.Error);
        JsonElement answer = outcome.Json[0];
        Assert.Equal("lora", answer.GetProperty("method").GetString());
        Assert.Equal(new LoraTuning(4).Formula, answer.GetProperty("formula").GetString());
        Assert.Equal((12 * 2 * 2 * 384 * 4) + (2 * 384) + (51 * 385), answer.GetProperty("trainable_parameters").GetInt64());
    }

    [Theory]
    [InlineData("--preset 'lore' is not known; known: official-image,", "--preset", "lore")]
    [InlineData("tuning.ranks is not known (did you mean 'rank'?)", "--preset", "lora", "--set", "tuning.ranks=4")]
    [InlineData("LoRA: tuning.rank is 0", "--preset", "lora", "--set", "tuning.rank=0")]
    public async Task What_is_wrong_is_said_in_one_message(string expected, params string[] arguments)
    {
        CliOutcome outcome = await CliProgram.Run(["describe", "--model", "deit_tiny_patch16_224", .. arguments]);
        Assert.Equal(2, outcome.Code);
        Assert.Contains(expected, outcome.Error);
        Assert.Equal("", outcome.Output);
    }
}
