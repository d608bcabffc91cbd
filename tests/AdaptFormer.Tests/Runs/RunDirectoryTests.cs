using System.Diagnostics;
using AdaptFormer.Experiments;
using AdaptFormer.Files;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Training;
using Xunit;

namespace AdaptFormer.Tests.Runs;

public sealed class RunDirectoryTests : IDisposable
{
    private static readonly RunEnvironment Here = RunEnvironment.Capture("test");
    private readonly string _folder = Directory.CreateTempSubdirectory("adaptformer-run-").FullName;

    private string Run => Path.Combine(_folder, "a", "run");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_new_run_has_its_recipe_environment_and_checkpoint_folder()
    {
        using (RunDirectory run = RunDirectory.Create(Run, Small(), Here))
        {
            Assert.Equal(Small().ToJson(), run.ReadRecipe().ToJson());
            Assert.Contains(Here.Runtime, File.ReadAllText(Path.Combine(Run, "environment.json")), StringComparison.Ordinal);
            Assert.True(Directory.Exists(run.CheckpointsPath));
            Assert.Empty(run.ReadLog());
            Assert.Null(run.ReadSummary());
        }

        Assert.Empty(Directory.GetFiles(Run, "*.tmp"));
    }

    [Fact]
    public void A_folder_with_other_files_is_refused_even_for_overwriting_and_keeps_them()
    {
        File.WriteAllText(Path.Combine(_folder, "holiday.txt"), "x");
        foreach (ExistingRun existing in Enum.GetValues<ExistingRun>())
            Assert.Contains("holds no run", Assert.Throws<IOException>(() => RunDirectory.Create(_folder, Small(), Here, existing)).Message, StringComparison.Ordinal);
        Assert.Equal(["holiday.txt"], Directory.GetFileSystemEntries(_folder).Select(path => Path.GetFileName(path)));
        Assert.Throws<IOException>(() => RunDirectory.Create(Path.Combine(_folder, "holiday.txt"), Small(), Here));
    }

    [Fact]
    public void A_run_is_refused_unless_it_is_to_be_overwritten_or_resumed()
    {
        using (RunDirectory run = RunDirectory.Create(Run, Small(), Here)) run.Log(Epoch(1));
        File.WriteAllText(Path.Combine(Run, "notes.txt"), "mine");

        string message = Assert.Throws<IOException>(() => RunDirectory.Create(Run, Small(), Here)).Message;
        Assert.Contains("--overwrite", message, StringComparison.Ordinal);

        using (RunDirectory run = RunDirectory.Create(Run, Small(), Here, ExistingRun.Resume)) Assert.Equal([Epoch(1)], run.ReadLog());
        using (RunDirectory run = RunDirectory.Create(Run, Small("epochs=7"), Here, ExistingRun.Overwrite))
        {
            Assert.Empty(run.ReadLog());
            Assert.Equal(7, run.ReadRecipe().Epochs);
        }

        Assert.Equal("mine", File.ReadAllText(Path.Combine(Run, "notes.txt")));
    }

    [Theory]
    [InlineData(ExistingRun.Refuse)]
    [InlineData(ExistingRun.Resume)]
    [InlineData(ExistingRun.Overwrite)]
    public void What_a_process_leaves_that_dies_at_once_is_taken_again(ExistingRun existing)
    {
        Directory.CreateDirectory(Run);
        File.WriteAllText(Path.Combine(Run, ".lock"), "");
        File.WriteAllText(Path.Combine(Run, $".recipe.json.{new string('a', 32)}.tmp"), "{");
        RunDirectory.Create(Run, Small(), Here, existing).Dispose();
        RunDirectory.Create(Run, Small(), Here, existing).Dispose();        // begun, and nothing learned yet
        Assert.Equal(["checkpoints", "environment.json", "log.jsonl", "recipe.json"], Directory.GetFileSystemEntries(Run).Select(path => Path.GetFileName(path)).Order());
    }

    [Fact]
    public void Resuming_with_another_recipe_names_every_key_that_differs()
    {
        RunDirectory.Create(Run, Small(), Here).Dispose();
        string message = Assert.Throws<ArgumentException>(() => RunDirectory.Create(Run, Small("tuning.bottleneck=32", "batch=3"), Here, ExistingRun.Resume)).Message;
        Assert.Contains("tuning.bottleneck is 64 there and 32 here", message, StringComparison.Ordinal);
        Assert.Contains("batch is 64 there and 3 here", message, StringComparison.Ordinal);
        Assert.Equal(64, RunDirectory.Open(Run).ReadRecipe().Batch);
    }

    [Theory]
    [InlineData("{\"record\":\"epoch\",\"epo")]
    [InlineData("{")]
    [InlineData("\0\0\0\0")]
    public void A_line_torn_by_a_crash_is_ignored_and_cut_off_before_the_next_is_appended(string torn)
    {
        using (RunDirectory run = RunDirectory.Create(Run, Small(), Here)) run.Log(Epoch(1));
        File.AppendAllText(RunDirectory.Open(Run).LogPath, torn);
        Assert.Equal([Epoch(1)], RunDirectory.Open(Run).ReadLog());

        using (RunDirectory run = RunDirectory.Create(Run, Small(), Here, ExistingRun.Resume)) run.Log(Epoch(2));
        Assert.Equal([Epoch(1), Epoch(2)], RunDirectory.Open(Run).ReadLog());
        Assert.Equal(2, File.ReadAllLines(RunDirectory.Open(Run).LogPath).Length);
    }

    [Fact]
    public void A_damaged_line_amid_the_log_is_an_error_with_its_number()
    {
        using (RunDirectory run = RunDirectory.Create(Run, Small(), Here)) run.Log(Epoch(1));
        File.AppendAllText(RunDirectory.Open(Run).LogPath, "oops\n" + Epoch(3).ToJsonLine() + "\n");
        Assert.Contains("line 2", Assert.Throws<InvalidDataException>(() => RunDirectory.Open(Run).ReadLog()).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"a\":")]
    [InlineData("null")]
    [InlineData("{\"machine\": \"\\ud800\"}")]
    public void A_damaged_record_of_the_machine_is_an_error_with_its_file(string text)
    {
        using RunDirectory run = RunDirectory.Create(Run, Small(), Here);
        Assert.Equal(Here.Runtime, (string?)run.ReadEnvironment()["runtime"]);
        File.WriteAllText(run.EnvironmentPath, text);
        Assert.StartsWith(run.EnvironmentPath, Assert.Throws<InvalidDataException>(run.ReadEnvironment).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("summary.json")]
    [InlineData("environment.json")]
    [InlineData("log.jsonl")]
    public async Task A_pipe_in_place_of_a_record_is_refused_and_not_waited_for(string name)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() || OperatingSystem.IsMacOS(), "named pipes of Unix");
        using (RunDirectory.Create(Run, Small(), Here))
        {
        }

        using RunDirectory run = RunDirectory.Open(Run);
        File.Delete(Path.Combine(Run, name));
        using (Process made = Process.Start("mkfifo", [Path.Combine(Run, name)])) await made.WaitForExitAsync(TestContext.Current.CancellationToken);
        Action read = name == "summary.json" ? () => run.ReadSummary() : name == "log.jsonl" ? () => run.ReadLog() : () => run.ReadEnvironment();
        IOException error = await Assert.ThrowsAsync<IOException>(() => Task.Run(read).WaitAsync(TimeSpan.FromSeconds(30)));
        Assert.Contains("no regular file", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Going_back_to_an_epoch_drops_the_later_lines()
    {
        using RunDirectory run = RunDirectory.Create(Run, Small(), Here);
        foreach (int epoch in new[] { 1, 2, 3 }) run.Log(Epoch(epoch));
        run.RewindLog(1);
        run.Log(Epoch(2));
        Assert.Equal([Epoch(1), Epoch(2)], run.ReadLog());
    }

    [Fact]
    public void A_second_writer_is_kept_out()
    {
        using RunDirectory run = RunDirectory.Create(Run, Small(), Here);
        Assert.Contains("another process", Assert.Throws<IOException>(() => RunDirectory.Create(Run, Small(), Here, ExistingRun.Resume)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_outcome_is_read_back_and_a_loss_that_is_no_number_survives_the_log()
    {
        TrainingSummary summary = new(71.25, 90, 1.1, 2000, 9, null, 1_200_000, 86_000_000, 900, 90, 55, 1 << 30, 4_800_000, "adapter.safetensors", 3);
        using RunDirectory run = RunDirectory.Create(Run, Small(), Here);
        run.Finish(summary);
        run.Log(Epoch(1) with { TrainLoss = double.NaN });
        Assert.Equal(summary, RunDirectory.Open(Run).ReadSummary());
        Assert.True(double.IsNaN(run.ReadLog()[0].TrainLoss));
        Assert.Contains("\"test_top1\":71.25", File.ReadAllText(run.SummaryPath), StringComparison.Ordinal);
    }

    [Fact]
    public void Seeds_are_summarised_by_mean_and_sample_deviation()
    {
        TrainingSummary one = new(70, 90, 1.1, 2000, 9, null, 5, 6, 10, 1, 1, 1, 1, null, 0);
        SeedsSummary seeds = SeedsSummary.Of([one, one with { TestTop1 = 72, Seed = 1 }, one with { TestTop1 = 74, Seed = 2 }]);
        Assert.Equal(72, seeds.TestTop1);
        Assert.Equal(2, seeds.TestTop1Std!.Value, 12);
        Assert.Equal(30, seeds.Seconds);
        Assert.Null(SeedsSummary.Of([one with { TestTop1 = null }]).TestTop1);
        Assert.Null(SeedsSummary.Of([one]).TestTop1Std);
    }

    private static Recipe Small(params string[] edits) => Recipe.Parse(
        """{ "model": { "name": "vit_tiny_patch16_224", "weights": null }, "tuning": { "method": "adaptformer" }, "data": { "train": "t" } }""", overrides: edits);

    private static EpochRecord Epoch(int epoch) => new(epoch, 1.5, 40, null, 50, 80, 0.1, 55.5, 0.01, 92);
}
