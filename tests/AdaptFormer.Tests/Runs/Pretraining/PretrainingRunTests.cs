using System.Text.Json.Nodes;
using AdaptFormer.Experiments;
using AdaptFormer.Files;
using AdaptFormer.Models;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Pretraining;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;
using AdaptFormer.Tensors.Backends.Cpu;
using AdaptFormer.Tests.Cli;
using AdaptFormer.Tests.Support;
using AdaptFormer.Training;
using Xunit;

namespace AdaptFormer.Tests.Runs.Pretraining;

public sealed class PretrainingRunTests(TinyTask task) : IClassFixture<TinyTask>
{
    private const string Sizes = """{"img_height":16,"img_width":16,"patch_size":8,"embed_dim":16,"depth":2,"num_heads":2,"mlp_ratio":2}""";

    [Fact]
    public void Pictures_make_a_backbone_and_an_adapter_learns_on_it()
    {
        string output = task["pretrained"];
        List<RunRecord> seen = [];
        PretrainSummary summary = PretrainingRun.Execute(Recipe(), output, ExistingRun.Refuse, seen.Add);
        Assert.Equal(["environment.json", "log.jsonl", "recipe.json", "weights.safetensors"], Directory.EnumerateFiles(output).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal));
        EpochRecord[] epochs = [.. File.ReadLines(Path.Combine(output, "log.jsonl")).Select(RunRecord.FromJsonLine).Cast<EpochRecord>()];
        Assert.Equal([1, 2, 3, 4], epochs.Select(epoch => epoch.Epoch));
        Assert.Equal(epochs, seen.OfType<EpochRecord>());
        Assert.Equal(epochs[^1].TrainLoss, summary.TrainLoss);
        Assert.All(epochs, epoch => Assert.True(double.IsFinite(epoch.TrainLoss)));

        Recipe tune = AdaptFormer.Runs.Recipes.Recipe.Load(task.Recipe, [$"model.weights={summary.Weights}", "model.global_pool=true", "epochs=1"]);
        TrainingSummary tuned = TrainingRun.Execute(tune, task["tuned"], ExistingRun.Refuse, _ => { });
        Assert.Equal(15, tuned.TestImages);
    }

    [Fact]
    public void A_stopped_run_goes_on_to_the_same_weights()
    {
        PretrainingRun.Execute(Recipe(), task["whole"], ExistingRun.Refuse, _ => { });
        using CancellationTokenSource stop = new();
        TrainingStoppedException stopped = Assert.Throws<TrainingStoppedException>(() => PretrainingRun.Execute(Recipe(), task["parts"], ExistingRun.Refuse, record =>
        {
            if (record is EpochRecord { Epoch: 2 }) stop.Cancel();
        }, stop.Token));
        Assert.Contains("what epoch 2 had learned, and --resume goes on", stopped.Message, StringComparison.Ordinal);
        Assert.Contains("--resume", Assert.Throws<IOException>(() => PretrainingRun.Execute(Recipe(), task["parts"], ExistingRun.Refuse, _ => { })).Message, StringComparison.Ordinal);
        Assert.Contains("another recipe", Assert.Throws<ArgumentException>(() => PretrainingRun.Execute(Recipe("seed=9"), task["parts"], ExistingRun.Resume, _ => { })).Message, StringComparison.Ordinal);

        List<RunRecord> seen = [];
        PretrainingRun.Execute(Recipe(), task["parts"], ExistingRun.Resume, seen.Add);
        Assert.Equal(2, Assert.Single(seen.OfType<PretrainStartRecord>()).ResumedEpoch);
        Assert.Equal(4, File.ReadLines(Path.Combine(task["parts"], "log.jsonl")).Count());
        Assert.Equal(File.ReadAllBytes(Path.Combine(task["whole"], "weights.safetensors")), File.ReadAllBytes(Path.Combine(task["parts"], "weights.safetensors")));
    }

    [Fact]
    public void Weights_that_are_lost_or_older_than_the_state_are_made_from_it_again()
    {
        PretrainSummary whole = PretrainingRun.Execute(Recipe(), task["made"], ExistingRun.Refuse, _ => { });
        string weights = Path.Combine(task["made"], "weights.safetensors"), log = Path.Combine(task["made"], "log.jsonl");
        byte[] right = File.ReadAllBytes(weights), lines = File.ReadAllBytes(log);
        foreach (bool lost in (bool[])[true, false])
        {
            if (lost) File.Delete(weights);
            else File.Copy(task.Backbone, weights, overwrite: true);
            PretrainSummary again = PretrainingRun.Execute(Recipe(), task["made"], ExistingRun.Resume, _ => { });
            Assert.Equal(right, File.ReadAllBytes(weights));
            Assert.Equal(lines, File.ReadAllBytes(log));
            Assert.Equal(whole.TrainLoss, again.TrainLoss);
        }
    }

    [Fact]
    public void A_pretraining_goes_on_in_the_type_that_it_began_in()
    {
        using IDisposable machine = Backend.Use(CpuBackend.Managed);       // would choose float32
        Assert.Equal("bfloat16", PretrainingRun.Execute(Recipe("precision=bfloat16", "epochs=1"), task["bf16"], ExistingRun.Refuse, _ => { }).Precision);
        List<RunRecord> seen = [];
        Assert.Equal("bfloat16", PretrainingRun.Execute(Recipe("precision=auto", "epochs=1"), task["bf16"], ExistingRun.Resume, seen.Add).Precision);
        Assert.Contains(seen.OfType<WarningRecord>(), warning => warning.Message.Contains("bfloat16", StringComparison.Ordinal));
        Assert.Throws<ArgumentException>(() => PretrainingRun.Execute(Recipe("precision=float32", "epochs=1"), task["bf16"], ExistingRun.Resume, _ => { }));
    }

    [Fact]
    public void A_pretraining_that_did_not_turn_pictures_does_not_begin_to_when_it_goes_on()
    {
        PretrainingRun.Execute(Recipe("epochs=1", "data.transform.orientation=ignore"), task["old"], ExistingRun.Refuse, _ => { });
        string recipe = Path.Combine(task["old"], "recipe.json");
        JsonNode json = JsonNode.Parse(File.ReadAllText(recipe))!;
        Assert.True(json["data"]!["transform"]!.AsObject().Remove("orientation"));      // as versions wrote it that knew no orientation
        File.WriteAllText(recipe, json.ToJsonString());
        string message = Assert.Throws<ArgumentException>(() => PretrainingRun.Execute(Recipe("epochs=1"), task["old"], ExistingRun.Resume, _ => { })).Message;
        Assert.Contains("data.transform.orientation is \"ignore\" there and \"apply\" here", message, StringComparison.Ordinal);
        Assert.Contains("--set", message, StringComparison.Ordinal);
        PretrainingRun.Execute(Recipe("epochs=1", "data.transform.orientation=ignore"), task["old"], ExistingRun.Resume, _ => { });
    }

    [Fact]
    public void Clips_make_a_backbone_and_training_goes_on_with_it()
    {
        using TinyClips clips = new();
        string recipe = clips.Write("pretrain.json", $$"""
            {
              "model": { "name": "tiny", "weights": null, "normalize": "imagenet",
                "config": { "family": "video_vit", "num_frames": 4, "img_height": 16, "img_width": 16, "patch_size": 8, "embed_dim": 16, "depth": 2, "num_heads": 2, "mlp_ratio": 2 } },
              "pretraining": { "mask_ratio": 0.5, "decoder_embed_dim": 12, "decoder_depth": 1, "decoder_num_heads": 3 },
              "data": { "train": {{System.Text.Json.JsonSerializer.Serialize(clips["train"])}} },
              "epochs": 2, "batch": 4, "precision": "float32"
            }
            """);
        List<RunRecord> seen = [];
        PretrainSummary summary = PretrainingRun.Execute(PretrainRecipe.Load(recipe), clips["pretrained"], ExistingRun.Refuse, seen.Add);
        PretrainStartRecord start = Assert.Single(seen.OfType<PretrainStartRecord>());
        Assert.Equal((true, 12, 8), (start.Clips, start.TrainImages, start.Patches));
        Assert.All(seen.OfType<EpochRecord>(), epoch => Assert.True(double.IsFinite(epoch.TrainLoss)));
        Assert.True(PretrainRecipe.IsPretrain(recipe));
        Assert.False(PretrainRecipe.IsPretrain(clips.Recipe));

        Recipe tune = AdaptFormer.Runs.Recipes.Recipe.Load(clips.Recipe, [$"model.weights={summary.Weights}", "epochs=1"]);
        Assert.Equal(6, TrainingRun.Execute(tune, clips["tuned"], ExistingRun.Refuse, _ => { }).TestImages);
    }

    [Fact]
    public async Task The_program_says_what_it_does_and_what_is_wrong()
    {
        string recipe = Write("recipe-cli.json");
        CliOutcome run = await CliProgram.Call("pretrain", recipe, "--output", task["cli"], "--set", "epochs=1", "--json");
        Assert.True(run.Code == 0, run.Error);
        Assert.Equal(["epoch", "pretrain_summary"], run.Json.Select(line => line.GetProperty("record").GetString()));
        CliOutcome wrong = await CliProgram.Call("pretrain", recipe, "--output", task["wrong"], "--set", "pretraining.mask_rato=0.5", "--set", "model.config.depth=x");
        Assert.Equal(2, wrong.Code);
        Assert.Contains("pretraining.mask_rato is not known (did you mean 'mask_ratio'?)", wrong.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(task["wrong"]));
    }

    [Theory]
    [InlineData("data.test=x", "data.test is 'x'")]
    [InlineData("data.validation=x", "data.validation is 'x'")]
    [InlineData("data.validation_fraction=0.1", "data.validation_fraction is 0.1")]
    public void Data_to_score_are_refused_by_name(string edit, string message) => Assert.Contains(
        $"{message}; expected none: pre-training scores nothing", Assert.Throws<RecipeException>(() => Recipe(edit)).Message, StringComparison.Ordinal);

    private PretrainRecipe Recipe(params string[] edits) => PretrainRecipe.Load(Write("recipe-pretrain.json"), edits);

    private string Write(string name) => task.Write(name, $$"""
        {
          "model": { "name": "tiny", "weights": null, "normalize": "imagenet", "config": {{Sizes}} },
          "pretraining": { "mask_ratio": 0.5, "decoder_embed_dim": 12, "decoder_depth": 1, "decoder_num_heads": 3 },
          "data": { "train": {{System.Text.Json.JsonSerializer.Serialize(task["train"])}}, "transform": { "min_area": 0.5 } },
          "epochs": 4, "batch": 8, "precision": "float32"
        }
        """);
}
