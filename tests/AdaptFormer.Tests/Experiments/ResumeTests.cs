using AdaptFormer.Experiments;
using AdaptFormer.Files;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tests.Cli;
using AdaptFormer.Training;
using Xunit;

namespace AdaptFormer.Tests.Experiments;

public sealed class ResumeTests : IDisposable
{
    private const int Epochs = 4;
    private readonly TinyTask _task = new();

    public static TheoryData<string[]> Recipes =>
    [
        new string[] { "ema_decay=0.9", "clip_norm=0.5", "optimizer={\"name\": \"adamw\", \"lr\": 0.01}" },
        new string[] { "data.validation_fraction=0", "tuning={\"method\": \"vpt\"}", "schedule={\"name\": \"one_cycle\"}" },
        new string[] { "tuning={\"method\": \"full\"}", "layer_decay=0.7", "accumulate=2", "model.drop_path=0.3", "evaluate_every=3", "optimizer={\"name\": \"lars\", \"lr\": 0.1}" },
        new string[] { "data.kind=synthetic-multilabel", "data.train=30:1:16", "data.test=12:2:16", "data.balanced=true", "optimizer={\"name\": \"adam\", \"lr\": 0.01}" },
    ];

    public void Dispose() => _task.Dispose();

    [Theory]
    [MemberData(nameof(Recipes))]
    public void A_run_that_was_stopped_ends_as_if_it_had_not_been(string[] overrides)
    {
        Recipe recipe = Read(overrides);
        TrainingSummary whole = TrainingRun.Execute(recipe, _task["whole"], ExistingRun.Refuse, _ => { });

        // Stopped in the middle of the third epoch, as Ctrl-C does.
        using CancellationTokenSource stop = new();
        TrainingStoppedException stopped = Assert.Throws<TrainingStoppedException>(() => TrainingRun.Execute(
            recipe, _task["stopped"], ExistingRun.Refuse, record =>
            {
                if (record is ProgressRecord { Phase: "train", Epoch: 3 }) stop.Cancel();
            }, stop.Token));
        Assert.Contains("--resume", stopped.Message, StringComparison.Ordinal);
        List<RunRecord> seen = [];
        Same(whole, TrainingRun.Execute(recipe, _task["stopped"], ExistingRun.Resume, seen.Add));
        Assert.Equal([3, 4], seen.OfType<EpochRecord>().Select(record => record.Epoch));
        Assert.Equal(seen.OfType<StartRecord>().Single().TrainableParameters, whole.TrainableParameters);
    }

    [Fact]
    public void A_kill_between_log_and_checkpoint_is_made_good()
    {
        Recipe recipe = Read("ema_decay=0.9");
        TrainingSummary whole = TrainingRun.Execute(recipe, _task["whole"], ExistingRun.Refuse, record =>
        {
            if (record is EpochRecord { Epoch: 3 }) Copy(_task["whole"], _task["killed"]);      // its line is written, its checkpoint is not
        });
        Assert.Equal(3, File.ReadLines(_task["killed/log.jsonl"]).Count());
        Same(whole, TrainingRun.Execute(recipe, _task["killed"], ExistingRun.Resume, _ => { }));
    }

    [Fact]
    public void A_run_without_a_whole_epoch_starts_anew_and_a_finished_one_is_only_scored_again()
    {
        Recipe recipe = Read();
        TrainingSummary first = TrainingRun.Execute(recipe, _task["run"], ExistingRun.Resume, _ => { });
        List<RunRecord> seen = [];
        TrainingSummary again = TrainingRun.Execute(recipe, _task["run"], ExistingRun.Resume, seen.Add);
        Assert.Empty(seen.OfType<EpochRecord>());
        Assert.Equal((first.TestTop1, first.TestLoss, first.BestEpoch), (again.TestTop1, again.TestLoss, again.BestEpoch));
        Assert.Contains("optimizer.lr", Assert.Throws<ArgumentException>(() => TrainingRun.Execute(Read("optimizer.lr=0.2"), _task["run"], ExistingRun.Resume, _ => { })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_damaged_checkpoint_is_refused_by_name()
    {
        string path = CheckpointOfARun(out byte[] bytes);
        File.WriteAllBytes(path, bytes[..(bytes.Length / 2)]);
        Assert.Contains("last.safetensors", ResumeIsRefused(), StringComparison.Ordinal);
        File.Copy(_task["run/adapter.safetensors"], path, overwrite: true);
        Assert.Contains("no checkpoint", ResumeIsRefused(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_checkpoint_with_a_tensor_of_another_name_is_of_another_run()
    {
        string path = CheckpointOfARun(out byte[] bytes);
        "\"model/hand"u8.CopyTo(bytes.AsSpan(bytes.AsSpan().IndexOf("\"model/head"u8)));
        File.WriteAllBytes(path, bytes);
        string said = ResumeIsRefused();
        Assert.Contains("is of another run: missing model/head", said, StringComparison.Ordinal);
        Assert.Contains("unexpected model/hand", said, StringComparison.Ordinal);
    }

    private string CheckpointOfARun(out byte[] bytes)
    {
        TrainingRun.Execute(Read(), _task["run"], ExistingRun.Refuse, _ => { });
        string path = _task["run/checkpoints/last.safetensors"];
        bytes = File.ReadAllBytes(path);
        return path;
    }

    private string ResumeIsRefused() =>
        Assert.Throws<InvalidDataException>(() => TrainingRun.Execute(Read(), _task["run"], ExistingRun.Resume, _ => { })).Message;

    private static void Copy(string from, string to)
    {
        foreach (string file in Directory.GetFiles(from, "*", SearchOption.AllDirectories).Where(file => !file.EndsWith(".lock", StringComparison.Ordinal)))
        {
            string copy = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            using FileStream source = new(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite), target = File.Create(copy);
            source.CopyTo(target);
        }
    }

    private Recipe Read(params string[] overrides) => Recipe.Load(_task.Recipe, [$"epochs={Epochs}", "workers=2", .. overrides]);

    private void Same(TrainingSummary expected, TrainingSummary actual)
    {
        string a = Path.GetDirectoryName(expected.Adapter)!, b = Path.GetDirectoryName(actual.Adapter)!;
        Assert.Equal(File.ReadAllBytes(expected.Adapter!), File.ReadAllBytes(actual.Adapter!));
        Assert.Equal(Figures(a), Figures(b));
        Assert.Equal(
            (expected.TestTop1, expected.TestLoss, expected.TestMap, expected.BestEpoch, expected.ValidationTop1),
            (actual.TestTop1, actual.TestLoss, actual.TestMap, actual.BestEpoch, actual.ValidationTop1));
    }

    private static EpochRecord[] Figures(string run)
    {
        using RunDirectory directory = RunDirectory.Open(run);
        return [.. directory.ReadLog().Select(record => record with { ImagesPerS = 0, WaitShare = 0, Seconds = 0 })];
    }
}
