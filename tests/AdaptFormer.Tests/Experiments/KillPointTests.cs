using AdaptFormer.Data;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Shards;
using AdaptFormer.Experiments;
using AdaptFormer.Files;
using AdaptFormer.Files.Hub;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Experiments;
using AdaptFormer.Runs.Pretraining;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tests.Cli;
using AdaptFormer.Tests.Files.Hub;
using AdaptFormer.Training;
using Xunit;

namespace AdaptFormer.Tests.Experiments;

/// <summary>Whatever is written survives the end of the process, a full disk and a broken one, at any moment.</summary>
public sealed class KillPointTests(ITestOutputHelper output) : IDisposable
{
    private const string Sizes = """{"img_height":16,"img_width":16,"patch_size":8,"embed_dim":16,"depth":2,"num_heads":2,"mlp_ratio":2}""";
    private readonly TinyTask _task = new();

    public void Dispose() => _task.Dispose();

    [Fact]
    public void A_training_ends_with_the_same_files()
    {
        string[] edits = ["epochs=2", "ema_decay=0.9", "optimizer={\"name\": \"adamw\", \"lr\": 0.01}", "tensorboard=false"];
        Check((folder, existing) => TrainingRun.Execute(Read(edits), folder, existing, _ => { }), failures: true);
    }

    [Fact]
    public void A_training_with_kept_tensors_and_a_board_ends_with_the_same_files()
    {
        string[] edits = ["epochs=1", "tuning={\"method\": \"linear\"}", "data.transform.flip=false", "cache.mode=auto"];
        Check((folder, existing) => TrainingRun.Execute(Read([.. edits, $"cache.folder={Path.Combine(folder, "kept")}"]), Path.Combine(folder, "run"), existing, _ => { }), kills: 8);
    }

    [Fact]
    public void A_pre_training_ends_with_the_same_files()
    {
        string recipe = _task.Write("pretrain.json", $$"""
            {
              "model": { "name": "tiny", "weights": null, "normalize": "imagenet", "config": {{Sizes}} },
              "pretraining": { "mask_ratio": 0.5, "decoder_embed_dim": 12, "decoder_depth": 1, "decoder_num_heads": 3 },
              "data": { "train": {{System.Text.Json.JsonSerializer.Serialize(_task["train"])}}, "transform": { "min_area": 0.5 } },
              "epochs": 4, "batch": 8, "precision": "float32", "save_every": 2
            }
            """);
        Check((folder, existing) => PretrainingRun.Execute(PretrainRecipe.Load(recipe), folder, existing, _ => { }), failures: true);
    }

    [Fact]
    public void A_comparison_ends_with_the_same_files() => Check(
        (folder, existing) => Experiment(folder, existing, new ExperimentPlan("comparison", [Row("adapter"), Row("linear", "tuning.method=linear")], [0], TestRows.All)), kills: 6);

    [Fact]
    public void A_sweep_that_chooses_ends_with_the_same_files()
    {
        SearchSpace space = new([GridAxis.Parse("tuning.bottleneck=1,2"), GridAxis.Parse("tuning.scale=0.1,0.5")], []);
        ExperimentPlan plan = new("sweep", SweepRows.Of(_task.Recipe, ["workers=2", "tensorboard=false"], space), [0], TestRows.Best);
        Check((folder, existing) => Experiment(folder, existing, plan, HalvingPlan.Create(4, 3, 0.6)), kills: 4);
    }

    [Fact]
    public void Packed_pictures_end_with_the_same_files()
    {
        LabelledDataset pictures = DatasetSource.Open(_task["train"]);
        Check((folder, _) => ItemCache.Build(pictures, folder, new PackOptions(16, PackFormat.Raw)).Dispose(), failures: true);
    }

    [Fact]
    public void A_conversion_ends_with_the_same_file() => Check((folder, _) =>
    {
        Disk.CreateFolder(folder);
        CheckpointConverter.Convert(_task.Backbone, Path.Combine(folder, "converted.safetensors"), NameMaps.HuggingFaceVit);
    }, failures: true);

    [Fact]
    public void A_pull_ends_with_the_same_files()
    {
        using FakeHub hub = new();
        byte[] weights = new byte[300_000];
        new Random(5).NextBytes(weights);
        hub.Files["config.json"] = "{\"num_attention_heads\": 3}"u8.ToArray();
        hub.Files["model.safetensors"] = weights;
        Check((folder, _) =>
        {
            using HubClient client = new(new HubOptions(hub.Endpoint, Attempts: 3, Pause: TimeSpan.FromMilliseconds(5)));
            client.PullAsync(HubId.Parse(FakeHub.Repository), new HubCache(folder)).GetAwaiter().GetResult();
        }, failures: true);
    }

    [Fact]
    public async Task The_program_ends_at_once_where_it_is_killed_and_with_an_error_where_the_disk_fails()
    {
        string[] call = ["train", _task.Recipe, "--set", "epochs=1", "--output"];
        CliOutcome killed = await CliProgram.Run(Fault("kill:9"), [.. call, _task["killed"]]);
        Assert.Equal(137, killed.Code);
        CliOutcome again = await CliProgram.Run([.. call, _task["killed"]]);
        Assert.True(again.Code == 0, again.Error);
        byte[] adapter = File.ReadAllBytes(_task["killed/adapter.safetensors"]);
        CliOutcome failed = await CliProgram.Run(Fault("eio:30+"), [.. call, _task["killed"], "--resume", "--set", "epochs=1"]);
        Assert.True(failed.Code is 0 or 1, failed.Error);
        Assert.Equal(adapter, File.ReadAllBytes(_task["killed/adapter.safetensors"]));
    }

    private static Dictionary<string, string> Fault(string fault) => new() { [DiskFault.Variable] = fault };

    private void Check(Action<string, ExistingRun> work, int kills = 12, bool failures = false)
    {
        KillPoint points = new KillPoint(work, _task["points"]).Whole();
        output.WriteLine($"kills: {points.Kills(kills)}");
        if (failures || KillPoint.All) output.WriteLine($"a full disk: {points.Failures(DiskFaultKind.NoSpace)}, a broken disk: {points.Failures(DiskFaultKind.InputOutput)}");
    }

    private static void Experiment(string folder, ExistingRun existing, ExperimentPlan plan, HalvingPlan? halving = null)
    {
        using TrialStore store = TrialStore.Open(folder, existing == ExistingRun.Overwrite);
        InProcessHost host = new();
        Experiment experiment = new(plan, store, new TrialScheduler(store, host, TrialSlots.Here(host), _ => { }), _ => { });
        if (halving is null) experiment.Run();
        else experiment.Halve(halving);
    }

    private PlannedRow Row(string name, params string[] edits) => new(name, [new Candidate([], Read(["epochs=1", "tensorboard=false", .. edits]))]);

    private Recipe Read(params string[] edits) => Recipe.Load(_task.Recipe, ["workers=2", .. edits]);
}
