using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using AdaptFormer.Files;
using AdaptFormer.Runs;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Cli.Commands;

public sealed class TrainCommandTests(TinyTask task) : IClassFixture<TinyTask>
{
    [Fact]
    public async Task A_run_leaves_an_adapter_that_eval_and_predict_agree_on()
    {
        string run = task["agree"];
        CliOutcome train = await CliProgram.Call("train", task.Recipe, "--output", run, "--json");
        Assert.True(train.Code == 0, train.Error);
        Assert.Equal(["epoch", "epoch", "epoch", "summary"], train.Json.Select(line => line.GetProperty("record").GetString()));
        JsonElement summary = train.Json[^1];
        double top1 = summary.GetProperty("test_top1").GetDouble();
        Assert.InRange(top1, 50, 100);                                                          // three classes: chance is 33
        Assert.Equal((2 * ((2 * 16 * 4) + 4 + 16)) + (16 * 3) + 3, summary.GetProperty("trainable_parameters").GetInt64());
        Assert.True(summary.GetProperty("seconds").GetDouble() > 0);
        Assert.Equal(
            ["adapter.safetensors", "checkpoints", "environment.json", "log.jsonl", "recipe.json", "report.html", "summary.json", "tensorboard"],
            Directory.EnumerateFileSystemEntries(run).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal));

        Task<CliOutcome> ofRun = CliProgram.Call("eval", "--run", run, "--json", "--per-class");
        Task<CliOutcome> ofFiles = CliProgram.Call("eval", "--adapter", Path.Combine(run, "adapter.safetensors"), "--weights", task.Backbone, "--data", task["test"], "--json");
        Task<CliOutcome> predicted = CliProgram.Call("predict", task["test"], "--run", run, "--json", "--top-k", "1", "--batch", "4");
        foreach (CliOutcome eval in (CliOutcome[])[await ofRun, await ofFiles])
        {
            Assert.True(eval.Code == 0, eval.Error);
            Assert.Equal(top1, eval.Json[0].GetProperty("top1").GetDouble(), 9);
            Assert.Equal(15, eval.Json[0].GetProperty("images").GetInt32());
        }

        JsonElement[] classes = [.. (await ofRun).Json[0].GetProperty("per_class").EnumerateArray()];
        Assert.Equal(TinyTask.Labels, classes.Select(c => c.GetProperty("label").GetString()));
        Assert.Equal(top1, classes.Average(c => c.GetProperty("top1").GetDouble()), 9);           // classes are equally large

        JsonElement[] answers = (await predicted).Json;
        Assert.Equal(15, answers.Length);
        int right = answers.Count(a => Path.GetFileName(Path.GetDirectoryName(a.GetProperty("path").GetString())) == a.GetProperty("classes")[0].GetProperty("label").GetString());
        Assert.Equal(top1, 100.0 * right / answers.Length, 9);
    }

    [Fact]
    public async Task The_same_seed_gives_the_same_log_and_several_seeds_a_mean_and_a_deviation()
    {
        CliOutcome once = await CliProgram.Call("train", task.Recipe, "--output", task["once"], "--set", "seed=1", "--json");
        CliOutcome seeds = await CliProgram.Call("train", task.Recipe, "--output", task["seeds"], "--seeds", "2", "--json");
        Assert.True(once.Code + seeds.Code == 0, once.Error + seeds.Error);
        Assert.Equal(Log(task["once"]), Log(task["seeds/seed-1"]));
        Assert.NotEqual(Log(task["seeds/seed-0"]), Log(task["seeds/seed-1"]));
        Assert.Equal(File.ReadAllBytes(task["once/adapter.safetensors"]), File.ReadAllBytes(task["seeds/seed-1/adapter.safetensors"]));

        JsonElement last = seeds.Json[^1];
        double[] each = [.. seeds.Json.Where(line => line.GetProperty("record").GetString() == "summary").Select(line => line.GetProperty("test_top1").GetDouble())];
        Assert.Equal("seeds", last.GetProperty("record").GetString());
        Assert.Equal(each.Average(), last.GetProperty("test_top1").GetDouble(), 9);
        Assert.Equal(Math.Abs(each[0] - each[1]) / Math.Sqrt(2), last.GetProperty("test_top1_std").GetDouble(), 9);
        Assert.Equal(["0", "1"], last.GetProperty("seeds").EnumerateArray().Select(seed => seed.GetInt64().ToString(CultureInfo.InvariantCulture)));
    }

    [Fact]
    public async Task Ctrl_C_keeps_what_was_learned_and_says_so_in_one_line()
    {
        Interrupts.SkipUnlessHeard();
        string run = task["stopped"];
        using Process training = CliProgram.Start("train", task.Recipe, "--output", run, "--set", "epochs=1000000", "--json");
        Assert.NotNull(await training.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));          // an epoch is over
        await Interrupts.Send("INT", training);
        CliOutcome outcome = await CliProgram.Finish(training);
        Assert.Equal(130, outcome.Code);
        Assert.Matches(@"^adaptformer: Stopped after \d+ of 1000000 epochs; .*adapter\.safetensors holds what epoch \d+ had learned\. Go on with train --resume\.\s*$", outcome.Error);

        CliOutcome predicted = await CliProgram.Call("predict", task["test/dark/0.png"], "--run", run);
        Assert.True(predicted.Code == 0, predicted.Error);
        Assert.False(File.Exists(Path.Combine(run, "summary.json")));
    }

    [Fact]
    public async Task A_loss_that_is_not_finite_stops_the_run_and_the_last_good_adapter_stays()
    {
        // One step an epoch, and the warm-up makes the first one nothing: the second breaks the weights, which the third meets.
        string run = task["diverged"];
        CliOutcome outcome = await CliProgram.Call(
            "train", task.Recipe, "--output", run, "--set", "batch=32", "--set", "epochs=9", "--set", "optimizer.lr=1e30", "--set", "schedule.name=constant", "--set", "schedule.warmup_epochs=1");
        Assert.Equal(1, outcome.Code);
        Assert.Matches(@"adaptformer: Training stopped at epoch 3, step 2: the loss is .*; .*base_lr.* What epoch 1 had learned is kept\.", outcome.Error);
        Assert.Equal([1, 2], EpochLog.Read(Path.Combine(run, "log.jsonl")).Select(epoch => epoch.Epoch));
        CliOutcome predicted = await CliProgram.Call("predict", task["test/dark/0.png"], "--run", run);
        Assert.True(predicted.Code == 0, predicted.Error);
    }

    [Fact]
    public async Task A_shipped_recipe_is_found_by_its_name_and_its_own_paths_are_explained()
    {
        CliOutcome outcome = await CliProgram.Call("train", "food101-linear", "--output", task["shipped"]);
        Assert.Equal(1, outcome.Code);
        Assert.Contains("model.weights: there is no file or folder 'weights/", outcome.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(task["shipped"]));
    }

    // What may differ between two runs is how long they took.
    private static IEnumerable<EpochRecord> Log(string run) =>
        EpochLog.Read(Path.Combine(run, "log.jsonl")).Select(epoch => epoch with { ImagesPerS = 0, WaitShare = 0, Seconds = 0 });
}
