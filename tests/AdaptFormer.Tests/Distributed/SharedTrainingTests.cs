using AdaptFormer.Distributed;
using AdaptFormer.Experiments;
using AdaptFormer.Files;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tests.Cli;
using AdaptFormer.Tests.Reports;
using AdaptFormer.Tests.Support;
using AdaptFormer.Training;
using AdaptFormer.Training.Loop;
using Xunit;

namespace AdaptFormer.Tests.Distributed;

/// <summary>Several ranks end with the files of one process, to the bit; here they are threads.</summary>
public sealed class SharedTrainingTests : IDisposable
{
    private const string MultiLabel = "data.kind=synthetic-multilabel data.train=30:1:16 data.test=11:2:16";
    private readonly TinyTask _task = new();

    public static TheoryData<string> Recipes =>
    [
        "",
        "tuning={\"method\":\"linear\"} cache.mode=auto data.transform.flip=false",
        "mix.mixup=0.8 mix.cutmix=1.0 ema_decay=0.9 clip_norm=0.5 evaluate_every=2",
        $"{MultiLabel} optimizer={{\"name\":\"adam\",\"lr\":0.01}}",
        "tuning={\"method\":\"full\"} model.drop_path=0.2 optimizer={\"name\":\"lars\",\"lr\":0.1} accumulate_rest=drop",
        "data.balanced=true tuning={\"method\":\"vpt\"} early_stopping=1 epochs=5",
    ];

    public void Dispose() => _task.Dispose();

    [Theory]
    [MemberData(nameof(Recipes))]
    public void Two_and_four_ranks_end_where_one_process_does(string overrides)
    {
        Recipe recipe = Read(overrides);
        TrainingSummary one = TrainingRun.Execute(recipe, _task["one"], ExistingRun.Refuse, _ => { });
        foreach (int world in new[] { 2, 4 })
            Same(one, Train(recipe, $"ranks-{world}", world));
    }

    [Fact]
    public void Clips_are_shared_too()
    {
        using TinyClips clips = new();
        Recipe recipe = Recipe.Load(clips["recipe.json"], ["accumulate=2", "batch=2", "data.clip.segments=2"]);
        TrainingSummary one = TrainingRun.Execute(recipe, clips["one"], ExistingRun.Refuse, _ => { });
        TrainingSummary? two = null;
        ThreadCollective.Run(2, ranks => Keep(ref two, ranks, TrainingRun.Execute(recipe, clips["two"], ExistingRun.Refuse, _ => { }, ranks, default)));
        Same(one, two!);
    }

    [Fact]
    public void Pre_training_is_shared_too()
    {
        string path = _task.Write("pretrain.json", PretrainJson(_task));
        PretrainRecipe recipe = PretrainRecipe.Load(path);
        PretrainSummary one = PretrainingRun.Execute(recipe, _task["one"], ExistingRun.Refuse, _ => { });
        ThreadCollective.Run(4, ranks => PretrainingRun.Execute(recipe, _task["four"], ExistingRun.Refuse, _ => { }, ranks, default));
        Assert.Equal(File.ReadAllBytes(one.Weights), File.ReadAllBytes(_task["four/weights.safetensors"]));
        Assert.Equal(Figures(_task["one"]), Figures(_task["four"]));
    }

    [Fact]
    public void The_fast_exchange_ends_within_rounding()
    {
        TrainingSummary one = TrainingRun.Execute(Read(""), _task["one"], ExistingRun.Refuse, _ => { });
        TrainingSummary fast = Train(Read("cluster.exchange=fast"), "fast", 2);
        Assert.InRange(Difference(one.Adapter!, fast.Adapter!), 0, 1e-6);
    }

    [Fact]
    public void A_run_goes_on_within_an_epoch_with_another_number_of_ranks()
    {
        Recipe recipe = Read("save.steps=1 save.keep=1 ema_decay=0.9 epochs=4");
        TrainingSummary whole = TrainingRun.Execute(recipe, _task["whole"], ExistingRun.Refuse, _ => { });
        Assert.Empty(RunDirectory.Open(_task["whole"]).StepCheckpoints);
        int[] worlds = [4, 1, 2];
        string folder = _task["parts"];
        foreach ((int part, int world) in worlds.Index())
        {
            using CancellationTokenSource stop = new();
            Action<RunRecord> report = record =>
            {
                if (record is ProgressRecord { Phase: "train" } at && at.Epoch == part + 1 && at.Step >= 4) stop.Cancel();
            };
            Assert.ThrowsAny<OperationCanceledException>(() => ThreadCollective.Run(
                world, ranks => TrainingRun.Execute(recipe, folder, part == 0 ? ExistingRun.Refuse : ExistingRun.Resume, report, ranks, ranks.IsFirst ? stop.Token : default)));
            string kept = Assert.Single(RunDirectory.Open(folder).StepCheckpoints);
            Assert.Contains($"epoch-{part + 1:0000}-batch-", kept, StringComparison.Ordinal);
        }

        Same(whole, TrainingRun.Execute(recipe, folder, ExistingRun.Resume, _ => { }));
    }

    [Fact]
    public void A_checkpoint_within_an_epoch_that_is_damaged_is_passed_over_for_the_one_before()
    {
        Recipe recipe = Read("save.steps=1 save.keep=2");
        TrainingSummary whole = TrainingRun.Execute(recipe, _task["whole"], ExistingRun.Refuse, _ => { });
        using CancellationTokenSource stop = new();
        Assert.Throws<TrainingStoppedException>(() => TrainingRun.Execute(recipe, _task["run"], ExistingRun.Refuse, record =>
        {
            if (record is ProgressRecord { Phase: "train", Epoch: 2, Step: >= 8 }) stop.Cancel();
        }, stop.Token));
        string newest = RunDirectory.Open(_task["run"]).StepCheckpoints[0];
        File.WriteAllBytes(newest, File.ReadAllBytes(newest)[..200]);
        List<RunRecord> seen = [];
        Same(whole, TrainingRun.Execute(recipe, _task["run"], ExistingRun.Resume, seen.Add));
        Assert.Contains(seen.OfType<WarningRecord>(), warning => warning.Message.Contains(newest, StringComparison.Ordinal) && warning.Message.Contains("left out", StringComparison.Ordinal));
    }

    [Fact]
    public void Steps_that_ranks_cannot_share_evenly_are_refused()
    {
        ArgumentException error = Assert.Throws<ArgumentException>(() => Train(Read("accumulate=3"), "run", 2));
        Assert.Contains("2 processes cannot share accumulate = 3", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("recipe", "optimizer.lr is 0.1 there and 0.2 here")]
    [InlineData("data", "number of training pictures: rank 0 .* has 18, rank 1 .* has 12")]
    [InlineData("weights", "weights of the backbone")]
    public void Ranks_with_other_work_are_told_what_differs(string what, string expected)
    {
        if (what == "data") _task.WritePictures("other", each: 5, seed: 1);
        string weights = what == "weights" ? _task.SaveBackbone("other.safetensors", seed: 5) : "";
        string here = _task["backbone.safetensors"], data = _task["train"];
        DisagreementException error = Assert.Throws<DisagreementException>(() => ThreadCollective.Run(2, ranks =>
        {
            Recipe recipe = Read(what == "recipe" && !ranks.IsFirst ? "optimizer.lr=0.2" : "");
            if (what == "recipe") TrainingRun.Execute(recipe, _task["run"], ExistingRun.Refuse, _ => { }, ranks, default);
            else Disagree(ranks, recipe);
        }));
        Assert.Matches(expected, error.Message);

        // Two machines: the same names, and other things behind them.
        void Disagree(Collective ranks, Recipe recipe)
        {
            Recipe own = ranks.IsFirst ? recipe
                : what == "data" ? recipe with { Data = recipe.Data with { Train = _task["other"] } }
                : recipe with { Model = recipe.Model with { Weights = weights } };
            using AdaptFormer.Models.Backbone model = RecipeBackbone.Load(own);
            using RecipeData parts = RecipeData.Open(own, RecipeBackbone.Pictures(own, model), model.InputShape, ranks);
            own.Tuning.Attach(model, parts.ClassNames.Count, new AdaptFormer.Tensors.Rng(own.Seed).Derive(0));
            using Trainer trainer = new(new AdaptFormer.Training.Tasks.Classification(model, new TrainingLoss(own.Loss)), new TrainerOptions(1, own.Optimizer, own.Schedule, Accumulate: 2), ranks);
            SharedStart.RequireSameWork(ranks, model, model, trainer, [("training", parts.Train)], "");
        }
    }

    [Fact]
    public void A_checkpoint_that_only_another_rank_has_is_named()
    {
        TrainingRun.Execute(Read(""), _task["other"], ExistingRun.Refuse, _ => { });
        DisagreementException error = Assert.Throws<DisagreementException>(() => ThreadCollective.Run(2, ranks =>
            SharedStart.Furthest(ranks, ranks.IsFirst ? _task["none"] : _task["other"], ExistingRun.Resume)));
        Assert.Matches(@"rank 1 \(.*\) has a checkpoint of epoch 2, and rank 0 \(.*\), which reads and writes for all, has none", error.Message);
    }

    [Fact]
    public void Log_and_page_say_what_each_rank_did_with_its_time()
    {
        Train(Read(""), "run", 2);
        EpochRecord[] log = [.. RunDirectory.Open(_task["run"]).ReadLog()];
        Assert.All(log, epoch => Assert.Equal([0, 1], epoch.Ranks!.Select(time => time.Rank)));
        string page = _task["run/report.html"];
        Assert.Equal([0, 1], ReportPages.Data(File.ReadAllText(page)).GetProperty("epochs")[0].GetProperty("ranks").EnumerateArray().Select(rank => rank.GetProperty("rank").GetInt32()));
        ReportPages.DrawsItself(page);
        Assert.All(log, epoch => Assert.All(epoch.Ranks!, time => Assert.True(time is { Computing: > 0, Waiting: >= 0, Loading: >= 0 })));
    }

    private Recipe Read(string overrides) => Recipe.Load(
        _task.Recipe, ["epochs=2", "batch=2", "accumulate=4", "tensorboard=false", $"cache.folder={_task["cache"]}", .. overrides.Split(' ', StringSplitOptions.RemoveEmptyEntries)]);

    private TrainingSummary Train(Recipe recipe, string folder, int world)
    {
        TrainingSummary? first = null;
        ThreadCollective.Run(world, ranks => Keep(ref first, ranks, TrainingRun.Execute(recipe, _task[folder], ExistingRun.Refuse, _ => { }, ranks, default)));
        return first!;
    }

    private static void Keep(ref TrainingSummary? place, Collective ranks, TrainingSummary summary)
    {
        if (ranks.IsFirst) place = summary;
    }

    private static void Same(TrainingSummary expected, TrainingSummary actual)
    {
        Assert.Equal(File.ReadAllBytes(expected.Adapter!), File.ReadAllBytes(actual.Adapter!));
        Assert.Equal(Figures(Path.GetDirectoryName(expected.Adapter)!), Figures(Path.GetDirectoryName(actual.Adapter)!));
        Assert.Equal(
            (expected.TestTop1, expected.TestTop5, expected.TestLoss, expected.TestMap, expected.TestAuc, expected.TestImages, expected.BestEpoch, expected.ValidationTop1),
            (actual.TestTop1, actual.TestTop5, actual.TestLoss, actual.TestMap, actual.TestAuc, actual.TestImages, actual.BestEpoch, actual.ValidationTop1));
    }

    /// <summary>A recipe of a pre-training that takes a moment.</summary>
    internal static string PretrainJson(TinyTask task) => """
        { "model": { "name": "tiny", "weights": null, "config": {"img_height":16,"img_width":16,"patch_size":8,"embed_dim":16,"depth":1,"num_heads":2,"mlp_ratio":2} },
          "pretraining": { "decoder_embed_dim": 8, "decoder_depth": 1, "decoder_num_heads": 2 }, "data": { "train": "TRAIN" }, "epochs": 2, "batch": 5, "accumulate": 4, "precision": "float32" }
        """.Replace("TRAIN", task["train"], StringComparison.Ordinal);

    /// <summary>The largest difference of two files' numbers, beside 1 or the number if that is larger.</summary>
    internal static double Difference(string one, string other)
    {
        using WeightsFile a = WeightsFile.Open(one), b = WeightsFile.Open(other);
        double most = 0;
        foreach ((string name, WeightsEntry entry) in a.Entries)
        {
            float[] x = new float[entry.ElementCount], y = new float[entry.ElementCount];
            a.ReadFloat32(entry, x);
            b.ReadFloat32(b.Entries[name], y);
            most = Math.Max(most, x.Zip(y, (p, q) => Math.Abs(p - q) / Math.Max(1, Math.Abs(p))).Max());
        }

        return most;
    }

    /// <summary>A run's epochs without what depends on the machine.</summary>
    internal static EpochRecord[] Figures(string run) =>
        [.. RunDirectory.Open(run).ReadLog().Select(record => record with { ImagesPerS = 0, WaitShare = 0, Seconds = 0, Ranks = null })];
}
