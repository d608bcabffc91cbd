using System.Diagnostics;
using System.Text.Json;
using Xunit;

namespace AdaptFormer.Tests.Cli.Commands;

public sealed class CompareCommandTests(TinyTask task) : IClassFixture<TinyTask>
{
    [Fact]
    public async Task Killed_in_the_middle_and_started_again_it_ends_and_keeps_what_was_finished()
    {
        string[] call = ["compare", task.Recipe, "--variant", "linear: tuning.method=linear", "--seeds", "1", "--output", task["killed"], "--json"];
        using (Process first = CliProgram.Start(call))
        {
            string? line = await first.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken);       // one training is over, the next one runs
            Assert.Equal("trial", JsonDocument.Parse(line!).RootElement.GetProperty("record").GetString());
            first.Kill();                                                                                          // not its children: they must notice
            await first.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        CliOutcome second = await CliProgram.Run(call);
        Assert.True(second.Code == 0, second.Error);
        Assert.Equal([true, false], second.Json.Where(r => r.GetProperty("record").GetString() == "trial").Select(r => r.GetProperty("kept").GetBoolean()));
        JsonElement result = second.Json[^1];
        Assert.Equal("mcnemar_exact", result.GetProperty("significance").GetString());
        Assert.Equal(["recipe", "linear"], result.GetProperty("rows").EnumerateArray().Select(row => row.GetProperty("name").GetString()));
        Assert.All(result.GetProperty("rows").EnumerateArray(), row => Assert.True(row.GetProperty("peak_bytes").GetInt64() > 0));

        string page = File.ReadAllText(task["killed/report.html"]);
        CliOutcome report = await CliProgram.Run("report", task["killed"]);
        Assert.True(report.Code == 0, report.Error);
        Assert.Equal(page, File.ReadAllText(report.Output.Trim()));

        CliOutcome sweep = await CliProgram.Run("sweep", task.Recipe, "--grid", "tuning.bottleneck=1", "--output", task["killed"], "--test", "none");
        Assert.True(sweep.Code == 0, sweep.Error);
        Assert.Contains("bottleneck 1 *", sweep.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("nothing to compare", "compare", "RECIPE")]
    [InlineData("has no name", "compare", "RECIPE", "--variant", "tuning.method=linear")]
    [InlineData("what varies?", "sweep", "RECIPE")]
    [InlineData("tuning.bottlneck is not known (did you mean 'bottleneck'?)", "sweep", "RECIPE", "--grid", "tuning.bottlneck=1,2")]
    [InlineData("too few to choose", "sweep", "RECIPE", "--auto", "--budget", "0.02")]
    public async Task A_wrong_call_is_explained(string says, params string[] call)
    {
        CliOutcome outcome = await CliProgram.Run([.. call.Select(word => word == "RECIPE" ? task.Recipe : word), "--output", task["wrong"]]);
        Assert.Equal(2, outcome.Code);
        Assert.Contains(says, outcome.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(task["wrong"]));
    }
}
