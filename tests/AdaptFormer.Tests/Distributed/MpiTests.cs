using System.Diagnostics;
using AdaptFormer.Experiments;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tests.Cli;
using AdaptFormer.Tests.Support;
using AdaptFormer.Training;
using Xunit;

namespace AdaptFormer.Tests.Distributed;

/// <summary>
/// The program under the launchers of both MPI families. Everything that ranks do is tested with threads as well; here it is libraries, launchers, processes and their ends.
/// ADAPTFORMER_MPI_CELLS=all runs the whole table.
/// </summary>
public sealed class MpiTests : IDisposable
{
    private static readonly string[] Small = ["epochs=2", "batch=2", "accumulate=4", "tensorboard=false"];
    private readonly TinyTask _task = new();

    /// <summary>Family, ranks and recipe: two cells, or the whole table.</summary>
    public static TheoryData<string, int, string> Cells
    {
        get
        {
            TheoryData<string, int, string> cells = [];
            foreach (string family in (string[])[MpiRun.OpenMpi, MpiRun.Mpich])
            {
                foreach (int ranks in (int[])[1, 2, 4])
                {
                    foreach (string recipe in (string[])["adapters", "linear with cache", "mixup, EMA, clip", "several labels", "clips", "pre-training", "fast"])
                        if (MpiRun.All || (family, ranks, recipe) is (MpiRun.OpenMpi, 2, "mixup, EMA, clip") or (MpiRun.Mpich, 4, "adapters")) cells.Add(family, ranks, recipe);
                }
            }

            return cells;
        }
    }

    public void Dispose() => _task.Dispose();

    [Theory]
    [MemberData(nameof(Cells))]
    public async Task Processes_end_with_the_files_of_one(string family, int ranks, string cell)
    {
        MpiRun.SkipUnless(family);
        using TinyClips clips = new();
        (string command, string recipe, string[] edits) = Recipe_(cell, clips);
        string one = _task["one"], many = _task["many"], result = command == "train" ? "adapter.safetensors" : "weights.safetensors";
        if (command == "train") TrainingRun.Execute(Recipe.Load(recipe, edits), one, ExistingRun.Refuse, _ => { });
        else PretrainingRun.Execute(PretrainRecipe.Load(recipe, edits), one, ExistingRun.Refuse, _ => { });
        CliOutcome outcome = await MpiRun.Run(family, ranks, [command, recipe, "--output", many, .. edits.SelectMany(edit => (string[])["--set", edit])]);
        Assert.True(outcome.Code == 0, $"{outcome.Code}: {outcome.Output}{outcome.Error}");
        if (cell == "fast") Assert.InRange(SharedTrainingTests.Difference($"{one}/{result}", $"{many}/{result}"), 0, 1e-6);
        else Assert.Equal(File.ReadAllBytes($"{one}/{result}"), File.ReadAllBytes($"{many}/{result}"));
        Assert.Equal(SharedTrainingTests.Figures(one).Select(epoch => epoch.TrainLoss), SharedTrainingTests.Figures(many).Select(epoch => epoch.TrainLoss), cell == "fast" ? (a, b) => Math.Abs(a - b) < 1e-5 : (a, b) => a == b);
        if (ranks > 1) Assert.Contains($"{ranks} processes on 1 machine by {family} ", outcome.Error, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', outcome.Output);
    }

    [Theory]
    [InlineData(MpiRun.OpenMpi)]
    [InlineData(MpiRun.Mpich)]
    public async Task A_rank_that_is_killed_ends_all_and_the_run_goes_on_with_another_number_of_them(string family)
    {
        MpiRun.SkipUnless(family);
        string[] edits = [.. Small, "epochs=100000", "save.steps=1", "schedule={\"name\":\"constant\"}"];
        string folder = _task["run"];
        using Process process = MpiRun.Start(family, 2, Arguments("train", folder, edits));
        Process[] ranks = await Ranks(process, folder, 2);
        ranks[1].Kill();
        CliOutcome outcome = await CliProgram.Finish(process);
        Assert.NotEqual(0, outcome.Code);
        foreach (Process rank in ranks) Assert.True(SpinWait.SpinUntil(() => HasEnded(rank.Id), TimeSpan.FromMinutes(2)), $"a rank is left over: {rank.Id}");

        int done = RunDirectory.Open(folder).ReadLog().Count;
        string[] shorter = [.. edits, $"epochs={done + 2}"];
        TrainingSummary whole = TrainingRun.Execute(Recipe.Load(_task.Recipe, [.. shorter, "save.steps=null"]), _task["whole"], ExistingRun.Refuse, _ => { });
        TrainingSummary resumed = TrainingRun.Execute(Recipe.Load(_task.Recipe, shorter), folder, ExistingRun.Resume, _ => { });
        Assert.Equal(done + 2, RunDirectory.Open(folder).ReadLog().Count);
        Assert.Equal(File.ReadAllBytes(_task["whole/checkpoints/last.safetensors"]), File.ReadAllBytes(_task["run/checkpoints/last.safetensors"]));
        Assert.Equal(whole.TestLoss, resumed.TestLoss);
    }

    [Fact]
    public async Task A_signal_ends_all_after_the_step_with_a_checkpoint_and_code_75()
    {
        MpiRun.SkipUnless(MpiRun.OpenMpi);
        Interrupts.SkipUnlessHeard(15);
        string folder = _task["run"];
        string[] edits = [.. Small, "epochs=100000"];
        using Process process = MpiRun.Start(MpiRun.OpenMpi, 2, Arguments("train", folder, edits));
        Process[] ranks = await Ranks(process, folder, 2);
        await Interrupts.Send("TERM", ranks[1]);        // of rank 1 alone: all stop
        CliOutcome outcome = await CliProgram.Finish(process);
        Assert.Equal(75, outcome.Code);
        Assert.Contains("Go on with train --resume", outcome.Error, StringComparison.Ordinal);
        Assert.NotNull(RunDirectory.Furthest(folder));
    }

    [Fact]
    public async Task A_rank_that_hangs_is_named_within_the_deadline_and_nothing_is_left()
    {
        MpiRun.SkipUnless(MpiRun.OpenMpi);
        string folder = _task["run"];
        using Process process = MpiRun.Start(MpiRun.OpenMpi, 2, Arguments("train", folder, [.. Small, "epochs=100000", "cluster.timeout=20"]));
        Process[] ranks = await Ranks(process, folder, 2);
        await Interrupts.Send("STOP", ranks[1]);
        CliOutcome outcome = await CliProgram.Finish(process);
        Assert.Equal(70, outcome.Code);
        Assert.Matches(@"rank 0 \(.+\): no answer from the other processes for 20 s at (epoch \d+, step \d+|the evaluation after epoch \d+)", outcome.Error);
        foreach (Process rank in ranks) Assert.True(SpinWait.SpinUntil(() => HasEnded(rank.Id), TimeSpan.FromMinutes(2)), $"a rank is left over: {rank.Id}");
    }

    [Fact]
    public async Task A_library_of_the_other_family_is_named()
    {
        MpiRun.SkipUnless(MpiRun.OpenMpi);
        MpiRun.SkipUnless(MpiRun.Mpich);
        CliOutcome outcome = await MpiRun.Run(MpiRun.OpenMpi, 2, Arguments("train", _task["run"], Small), new() { ["ADAPTFORMER_MPI"] = "libmpich.so.12" });
        Assert.NotEqual(0, outcome.Code);
        Assert.Contains("The launcher (Open MPI) started 2 processes, and the library libmpich.so.12 (MPICH", outcome.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_task["run"]));
    }

    [Fact]
    public async Task A_command_of_one_process_is_refused_once()
    {
        MpiRun.SkipUnless(MpiRun.OpenMpi);
        CliOutcome outcome = await MpiRun.Run(MpiRun.OpenMpi, 2, ["models"]);
        Assert.True(outcome.Code == 2, $"exit code {outcome.Code}: {outcome.Error}");
        Assert.Equal(2, outcome.Error.Split("models is the work of one process, and 2 were started").Length);
    }

    private (string Command, string Recipe, string[] Edits) Recipe_(string cell, TinyClips clips) => cell switch
    {
        "adapters" => ("train", _task.Recipe, Small),
        "fast" => ("train", _task.Recipe, [.. Small, "cluster.exchange=fast"]),
        "linear with cache" => ("train", _task.Recipe, [.. Small, "tuning={\"method\":\"linear\"}", "cache.mode=auto", "data.transform.flip=false", $"cache.folder={_task["cache"]}"]),
        "mixup, EMA, clip" => ("train", _task.Recipe, [.. Small, "mix.mixup=0.8", "mix.cutmix=1.0", "ema_decay=0.9", "clip_norm=0.5"]),
        "several labels" => ("train", _task.Recipe, [.. Small, "data.kind=synthetic-multilabel", "data.train=30:1:16", "data.test=11:2:16", "optimizer={\"name\":\"adam\",\"lr\":0.01}"]),
        "clips" => ("train", clips["recipe.json"], ["accumulate=4", "batch=2", "epochs=2", "data.clip.segments=2"]),
        _ => ("pretrain", _task.Write("pretrain.json", SharedTrainingTests.PretrainJson(_task)), []),
    };

    private string[] Arguments(string command, string output, string[] edits) =>
        [command, _task.Recipe, "--output", output, .. edits.SelectMany(edit => (string[])["--set", edit])];

    /// <summary>Whether a process is gone, or dead and only not yet asked for by its parent: it holds no core, memory or file then.</summary>
    private static bool HasEnded(int process)
    {
        try
        {
            return File.ReadAllText($"/proc/{process}/stat").Split(") ")[^1].StartsWith('Z');
        }
        catch (IOException)
        {
            return true;
        }
    }

    /// <summary>The processes of the ranks, in order, when the run has a checkpoint.</summary>
    private static async Task<Process[]> Ranks(Process launcher, string folder, int count)
    {
        Stopwatch clock = Stopwatch.StartNew();
        while (!Directory.Exists(Path.Combine(folder, "checkpoints")) || !Directory.EnumerateFiles(Path.Combine(folder, "checkpoints"), "*.safetensors").Any())
        {
            Assert.True(clock.Elapsed < TimeSpan.FromMinutes(4) && !launcher.HasExited, "the training did not begin");
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }

        List<(int Rank, Process Process)> found = [];
        foreach (string process in Directory.EnumerateDirectories("/proc").Where(path => int.TryParse(Path.GetFileName(path), out _)))
        {
            try
            {
                if (!File.ReadAllText(Path.Combine(process, "cmdline")).Split('\0').Contains(folder)) continue;
                string? rank = File.ReadAllText(Path.Combine(process, "environ")).Split('\0').FirstOrDefault(variable => variable.StartsWith("OMPI_COMM_WORLD_RANK=", StringComparison.Ordinal) || variable.StartsWith("PMI_RANK=", StringComparison.Ordinal));
                if (rank is not null) found.Add((int.Parse(rank.Split('=')[1]), Process.GetProcessById(int.Parse(Path.GetFileName(process)))));
            }
            catch (Exception gone) when (gone is IOException or UnauthorizedAccessException or ArgumentException)
            {
                // a process that ended meanwhile
            }
        }

        Assert.Equal(count, found.Count);
        return [.. found.OrderBy(one => one.Rank).Select(one => one.Process)];
    }
}
