using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Tests.Cli;
using AdaptFormer.Tests.Data;
using Xunit;

namespace AdaptFormer.Tests.Models.Checkpoints;

public sealed class ShippedWeightsTests
{
    [Fact]
    public void Weights_of_the_program_are_found_from_any_folder()
    {
        Assert.True(File.Exists(ShippedWeights.Find("shipped:demo_backbone")));
        string message = Assert.Throws<FileNotFoundException>(() => BackboneLoader.Open("shipped:demo_backbon")).Message;
        Assert.Equal("shipped:demo_backbon: no such weights came with the program; known: demo_backbone.", message);
    }

    [Theory]
    [InlineData("synthetic-adaptformer", "100:11:32", "40:12:32")]
    [InlineData("multi-label-synthetic", "100:11:32", "40:12:32")]
    public async Task A_shipped_recipe_on_drawn_pictures_is_trained_and_used_in_an_empty_folder(string recipe, string train, string test)
    {
        using TempFolder folder = new();
        CliOutcome trained = await CliProgram.RunIn(
            folder.Path, "train", recipe, "--epochs", "1", "--set", $"data.train={train}", "--test", test, "--output", "run", "--quiet");
        Assert.True(trained.Code == 0, trained.Error);
        CliOutcome scored = await CliProgram.RunIn(folder.Path, "eval", "--run", "run", "--json");
        Assert.True(scored.Code == 0, scored.Error);
        Assert.Equal(40, scored.Json[0].GetProperty("images").GetInt32());
    }
}
