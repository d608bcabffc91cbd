using AdaptFormer.Experiments;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tests.Cli;
using AdaptFormer.Tests.Distributed;
using Xunit;

namespace AdaptFormer.Tests.Experiments;

public sealed class TrialLauncherTests(TinyTask task) : IClassFixture<TinyTask>
{
    [Theory]
    [InlineData("", "", "is empty")]
    [InlineData("ssh {host}", "", "no hosts are given")]
    [InlineData("srun -n 1", "a,b", "has no {host}")]
    public void A_launcher_and_hosts_that_do_not_fit_are_refused(string words, string hosts, string message) =>
        Assert.Contains(message, Assert.Throws<ArgumentException>(() => new TrialLauncher(Split(words, ' '), Split(hosts, ','))).Message, StringComparison.Ordinal);

    [Fact]
    public async Task Trainings_are_spread_over_hosts_each_of_which_has_one_at_a_time()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The launcher of this test is a shell script.");
        string log = task["hosts.log"];
        string script = task.Write("launch.sh", $"#!/bin/sh\necho \"begin $1\" >>{log}\nhost=$1; shift\n\"$@\"\ncode=$?\necho \"end $host\" >>{log}\nexit $code\n");
        CliOutcome outcome = await CliProgram.Run(
            "compare", task.Recipe, "--variant", "linear: tuning.method=linear", "--seeds", "2", "--set", "epochs=1", "--json", "--output", task["spread"], "--launcher", $"sh {script} {{host}}", "--hosts", "left, right");
        Assert.True(outcome.Code == 0, outcome.Error);
        string[] lines = await File.ReadAllLinesAsync(log, TestContext.Current.CancellationToken);
        Assert.Equal(4, lines.Count(line => line.StartsWith("begin", StringComparison.Ordinal)));
        foreach (string host in (string[])["left", "right"])
        {
            string[] own = [.. lines.Where(line => line.EndsWith(host, StringComparison.Ordinal))];
            Assert.Equal(Enumerable.Range(0, own.Length).Select(i => i % 2 == 0 ? $"begin {host}" : $"end {host}"), own);
        }
    }

    [Fact]
    public async Task A_training_of_several_processes_gives_the_adapter_that_one_process_gives()
    {
        MpiRun.SkipUnless(MpiRun.OpenMpi);
        CliOutcome shared = await CliProgram.Run(
            MpiRun.OfOpenMpi, "compare", task.Recipe, "--variant", "linear: tuning.method=linear", "--seeds", "1", "--set", "accumulate=2", "--set", "epochs=2",
            "--json", "--output", task["shared"], "--launcher", "mpirun --oversubscribe -n 2");
        Assert.True(shared.Code == 0, shared.Error);
        string[] adapters = [.. Directory.GetFiles(task["shared/trials"], "adapter.safetensors", SearchOption.AllDirectories)];
        Assert.Equal(2, adapters.Length);
        foreach (string adapter in adapters)
        {
            string alone = task[$"alone-{Array.IndexOf(adapters, adapter)}"];
            Recipe recipe = Recipe.Load(Path.Combine(Path.GetDirectoryName(adapter)!, "recipe.json"));
            TrainingRun.Execute(recipe, alone, ExistingRun.Refuse, _ => { });
            Assert.Equal(File.ReadAllBytes(Path.Combine(alone, "adapter.safetensors")), File.ReadAllBytes(adapter));
        }
    }

    private static string[] Split(string text, char at) => text.Split(at, StringSplitOptions.RemoveEmptyEntries);
}
