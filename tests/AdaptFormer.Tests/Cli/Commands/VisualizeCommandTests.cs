using System.Text.Json;
using AdaptFormer.Experiments;
using AdaptFormer.Files;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tests.Reports;
using AdaptFormer.Training;
using Xunit;

namespace AdaptFormer.Tests.Cli.Commands;

public sealed class VisualizeCommandTests : IDisposable
{
    private readonly TinyTask _task = new();

    public void Dispose() => _task.Dispose();

    [Fact]
    public async Task A_run_gets_a_page_of_its_test_data_and_plain_pictures_one_without_labels()
    {
        TrainingRun.Execute(Recipe.Load(_task.Recipe), _task["run"], ExistingRun.Refuse, _ => { });
        CliOutcome outcome = await CliProgram.Call("visualize", "--run", _task["run"], "--show", "3", "--json");
        Assert.True(outcome.Code == 0, outcome.Error);
        JsonElement answer = outcome.Json[0];
        Assert.Equal((15, 15), (answer.GetProperty("items").GetInt32(), answer.GetProperty("test").GetProperty("confusion").EnumerateArray().Sum(cell => cell[2].GetInt32())));
        Assert.Equal(15, answer.GetProperty("map").GetProperty("labels").GetArrayLength());
        Assert.Equal(3, answer.GetProperty("attention").GetArrayLength());
        JsonElement item = answer.GetProperty("attention")[0];
        Assert.Equal([1, 2, 2], item.GetProperty("grid").EnumerateArray().Select(n => n.GetInt32()));
        Assert.Equal((2, 4, 4), (item.GetProperty("heads").GetArrayLength(), item.GetProperty("mean").GetArrayLength(), item.GetProperty("rollout").GetArrayLength()));
        string page = File.ReadAllText(_task["run/visualize.html"]);
        Assert.DoesNotMatch("(src|href)=\"?http", page);
        Assert.Equal(3, ReportPages.Data(page).GetProperty("attention").GetArrayLength());
        ReportPages.DrawsItself(_task["run/visualize.html"]);

        CliOutcome plain = await CliProgram.Call("visualize", "--run", _task["run"], _task["test/dark"], "--output", _task["plain.html"], "--points", "0");
        Assert.True(plain.Code == 0, plain.Error);
        Assert.Equal(_task["plain.html"], plain.Output.Trim());
        Assert.Equal(JsonValueKind.Null, ReportPages.Data(File.ReadAllText(_task["plain.html"])).GetProperty("test").ValueKind);
    }

    [Theory]
    [InlineData("Which pictures? Name some, or give --data PATH")]
    [InlineData("visualize: give pictures or --data, not both.", "a.png", "--data", "b")]
    [InlineData("--points is 100000; t-SNE here is exact and takes 0 to 5000.", "a.png", "--points", "100000")]
    public async Task Wrong_calls_are_said_in_one_line(string expected, params string[] arguments)
    {
        CliOutcome outcome = await CliProgram.Call(["visualize", "--weights", _task.SaveBackbone("classifier.safetensors", seed: 3, classes: 3), .. arguments]);
        Assert.Equal(2, outcome.Code);
        Assert.Contains(expected, outcome.Error);
        Assert.Equal("", outcome.Output);
    }
}
