using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Xunit;

namespace AdaptFormer.Tests.Cli.Commands;

public sealed class CompareCommandTests(TinyTask task) : IClassFixture<TinyTask>
{
    [Fact]
    public async Task Killed_at_any_moment_and_started_again_it_ends_with_the_same_table()
    {
        string[] call = ["compare", task.Recipe, "--variant", "linear: tuning.method=linear", "--seeds", "1", "--json"], killed = [.. call, "--output", task["killed"]];
        Task<CliOutcome> whole = CliProgram.Run([.. call, "--output", task["whole"]]);

        // In the middle of the first training, in that of the second one, and between two rows' test pictures. Not the children: they must notice.
        await KillWhen(killed, () => Files("trials", "log.jsonl").Any(file => file.Length > 0));
        await KillWhen(killed, () => Files("trials", "summary.json").Length == 1 && Files("trials", "log.jsonl").Length == 2);
        // The last moment is a short one: where the machine lets it pass, what came of it is taken away, and it comes again.
        for (int attempt = 1; ; attempt++)
        {
            await KillWhen(killed, () => Files("test", "*.json").Length > 0);
            if (!File.Exists(task["killed/comparison.json"])) break;
            Assert.True(attempt < 20, "It was over before it was killed.");
            Directory.Delete(task["killed/test"], recursive: true);
            File.Delete(task["killed/comparison.json"]);
            File.Delete(task["killed/report.html"]);
        }

        CliOutcome last = await CliProgram.Run(killed);
        Assert.True(last.Code == 0, last.Error);
        Assert.Equal([true, true], last.Json.Where(r => r.GetProperty("record").GetString() == "trial").Select(r => r.GetProperty("kept").GetBoolean()));
        JsonElement result = last.Json[^1];
        Assert.Equal("mcnemar_exact", result.GetProperty("significance").GetString());
        Assert.Equal(["recipe", "linear"], result.GetProperty("rows").EnumerateArray().Select(row => row.GetProperty("name").GetString()));
        Assert.All(result.GetProperty("rows").EnumerateArray(), row => Assert.True(row.GetProperty("peak_bytes").GetInt64() > 0));
        Assert.True((await whole).Code == 0, (await whole).Error);
        Assert.Equal(Timeless(File.ReadAllText(task["whole/comparison.json"])), Timeless(File.ReadAllText(task["killed/comparison.json"])));

        string page = File.ReadAllText(task["killed/report.html"]);
        CliOutcome report = await CliProgram.Call("report", task["killed"]);
        Assert.True(report.Code == 0, report.Error);
        Assert.Equal(page, File.ReadAllText(report.Output.Trim()));

        CliOutcome sweep = await CliProgram.Run("sweep", task.Recipe, "--grid", "tuning.bottleneck=1", "--output", task["killed"], "--test", "none");
        Assert.True(sweep.Code == 0, sweep.Error);
        Assert.Contains("bottleneck 1 *", sweep.Output, StringComparison.Ordinal);
        Assert.Contains($"{task["killed/report.html"]} shows it", sweep.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("nothing to compare", "compare", "RECIPE")]
    [InlineData("has no name", "compare", "RECIPE", "--variant", "tuning.method=linear")]
    [InlineData("what varies?", "sweep", "RECIPE")]
    [InlineData("tuning.bottlneck is not known (did you mean 'bottleneck'?)", "sweep", "RECIPE", "--grid", "tuning.bottlneck=1,2")]
    [InlineData("too few to choose", "sweep", "RECIPE", "--auto", "--budget", "0.02")]
    public async Task A_wrong_call_is_explained(string says, params string[] call)
    {
        CliOutcome outcome = await CliProgram.Call([.. call.Select(word => word == "RECIPE" ? task.Recipe : word), "--output", task["wrong"]]);
        Assert.Equal(2, outcome.Code);
        Assert.Contains(says, outcome.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(task["wrong"]));
    }

    private static readonly string[] Times = ["seconds", "seconds_per_epoch", "images_per_s", "wait_share", "peak_bytes", "environment", "command", "adapter", "report"];

    // A result without what the machine and the moment decide.
    private static string Timeless(string json)
    {
        JsonNode result = JsonNode.Parse(json)!;
        Strip(result);
        return result.ToJsonString();

        static void Strip(JsonNode? node)
        {
            if (node is JsonArray list)
            {
                foreach (JsonNode? item in list) Strip(item);
            }
            else if (node is JsonObject map)
            {
                foreach (string time in Times) map.Remove(time);
                foreach ((_, JsonNode? value) in map) Strip(value);
            }
        }
    }

    private FileInfo[] Files(string part, string name) => Directory.Exists(task[$"killed/{part}"]) ? new DirectoryInfo(task[$"killed/{part}"]).GetFiles(name, SearchOption.AllDirectories) : [];

    // Looks on a thread of its own: those of the pool are busy with other tests, and a moment would pass unseen.
    private static Task KillWhen(string[] call, Func<bool> due) => Task.Factory.StartNew(
        () =>
        {
            using Process process = CliProgram.Start(call);
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
            while (!process.WaitForExit(1) && !due())
            {
            }

            process.Kill();
            process.WaitForExit();
        },
        TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);
}
