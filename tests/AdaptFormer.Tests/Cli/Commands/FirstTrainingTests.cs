using System.Text.Json;
using AdaptFormer.Experiments;
using AdaptFormer.Files;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tests.Data;
using AdaptFormer.Tests.Files.Hub;
using AdaptFormer.Training;
using Xunit;

namespace AdaptFormer.Tests.Cli.Commands;

/// <summary><c>train FOLDER</c>, and what is found, fetched and decided on the way.</summary>
public sealed class FirstTrainingTests : IDisposable
{
    private readonly TinyTask _task = new();
    private readonly TempFolder _folder = new();

    public FirstTrainingTests()
    {
        foreach (string part in (string[])["Train", "valid", "Test_set"]) _task.WritePictures(Path.Combine("flowers", part), each: 6, seed: part.Length);
    }

    public void Dispose()
    {
        _task.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_folder_with_its_parts_is_the_whole_command_and_no_run_is_written_over()
    {
        string[] call = ["train", _task["flowers"], .. Tiny(_task.Backbone), "--epochs", "1", "--batch", "6", "--lr", "0.05", "--seed", "3", "--set", "schedule.warmup_epochs=0"];
        CliOutcome first = await CliProgram.RunIn(_folder.Path, call);
        Assert.True(first.Code == 0, first.Error);
        Assert.Contains($"{_task["flowers/Train"]} trains, {_task["flowers/valid"]} chooses the best epoch, {_task["flowers/Test_set"]} tests", first.Error, StringComparison.Ordinal);
        Assert.Contains(Path.Combine("runs", "flowers", "report.html"), first.Output, StringComparison.Ordinal);
        Assert.Contains("test F1, mean of classes", first.Output, StringComparison.Ordinal);
        Recipe recipe = Recipe.Load(_folder["runs/flowers/recipe.json"]);
        Assert.Equal((1, 6, 0.05, 3L, _task["flowers/valid"], 0.0), (recipe.Epochs, recipe.Batch, recipe.Optimizer.Lr, recipe.Seed, recipe.Data.Validation, recipe.Data.ValidationFraction));

        byte[] adapter = File.ReadAllBytes(_folder["runs/flowers/adapter.safetensors"]);
        CliOutcome second = await CliProgram.RunIn(_folder.Path, [.. call, "--quiet"]);
        Assert.True(second.Code == 0, second.Error);
        Assert.Equal("", second.Error);
        Assert.Equal(adapter, File.ReadAllBytes(_folder["runs/flowers-2/adapter.safetensors"]));

        // The run's folder is enough to go on with it.
        CliOutcome longer = await CliProgram.RunIn(_folder.Path, "train", "--output", "runs/flowers", "--resume", "--epochs", "2", "--json");
        Assert.True(longer.Code == 0, longer.Error);
        Assert.Contains("was to have 1 epochs and now has 2", longer.Error, StringComparison.Ordinal);
        Assert.Equal(["epoch", "summary"], longer.Json.Select(line => line.GetProperty("record").GetString()));
    }

    [Fact]
    public async Task Class_folders_alone_set_a_part_aside_and_a_test_folder_may_be_named()
    {
        CliOutcome outcome = await CliProgram.RunIn(
            _folder.Path, ["train", "--data", _task["train"], "--test", _task["test"], "--validation", "0.25", .. Tiny(_task.Backbone), "--epochs", "1", "--batch", "6", "--json"]);
        Assert.True(outcome.Code == 0, outcome.Error);
        Assert.Equal(15, outcome.Json[^1].GetProperty("test_images").GetInt32());
        Assert.Equal(JsonValueKind.Number, outcome.Json[^1].GetProperty("validation_top1").ValueKind);
    }

    [Fact]
    public async Task Weights_of_the_Hub_are_fetched_once_and_without_a_network_the_way_out_is_said()
    {
        using FakeHub hub = new() { Files = { ["model.safetensors"] = File.ReadAllBytes(_task.Backbone) } };
        Dictionary<string, string> environment = new() { ["HF_ENDPOINT"] = hub.Endpoint.ToString(), ["ADAPTFORMER_CACHE"] = _folder["cache"] };
        string[] call = ["train", _task["flowers"], .. Tiny("hub:tests/tiny"), "--epochs", "1", "--batch", "6", "--output"];
        CliOutcome first = await CliProgram.Run(environment, [.. call, _folder["a"]]);
        Assert.True(first.Code == 0, first.Error);
        Assert.Contains("tests/tiny is fetched from the Hub, once", first.Error, StringComparison.Ordinal);

        int requests = hub.Requests.Count;
        CliOutcome second = await CliProgram.Run(environment, [.. call, _folder["b"]]);
        Assert.True(second.Code == 0, second.Error);
        Assert.Equal(requests, hub.Requests.Count);

        environment["HF_ENDPOINT"] = "http://127.0.0.1:9";
        CliOutcome offline = await CliProgram.Run(environment, "train", _task["flowers"], "--output", _folder["c"]);
        Assert.Equal(1, offline.Code);
        Assert.Contains("adaptformer pull facebook/deit-tiny-patch16-224 --cache FOLDER", offline.Error, StringComparison.Ordinal);
        Assert.Contains("give --weights model.safetensors", offline.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder["c"]));
    }

    [Fact]
    public async Task A_folder_is_enough_to_compare_the_papers_methods_and_to_sweep()
    {
        using FakeHub hub = new() { Files = { ["model.safetensors"] = File.ReadAllBytes(_task.Backbone) } };
        Dictionary<string, string> environment = new() { ["HF_ENDPOINT"] = hub.Endpoint.ToString(), ["ADAPTFORMER_CACHE"] = _folder["cache"] };
        string[] small =
        [
            "--weights", "hub:tests/tiny", "--set", "model.name=tiny", "--set", $"model.config={TinyTask.Config}", "--set", "precision=float32",
            "--epochs", "1", "--set", "batch=6", "--set", "schedule.warmup_epochs=0", "--seeds", "1", "--jobs", "1",
        ];
        CliOutcome compared = await CliProgram.RunIn(_folder.Path, environment, ["compare", _task["flowers"], .. small]);
        Assert.True(compared.Code == 0, compared.Error);
        Assert.Contains("tests/tiny is fetched from the Hub, once", compared.Error, StringComparison.Ordinal);
        Assert.Contains($"{_task["flowers/Test_set"]} tests", compared.Error, StringComparison.Ordinal);
        Assert.Contains("full tuning, this at a tenth of the rate", compared.Error, StringComparison.Ordinal);
        string trials = _folder["runs/flowers-comparison/trials"];
        Recipe[] recipes = [.. Directory.GetDirectories(trials).Select(trial => Recipe.Load(Path.Combine(trial, "recipe.json")))];
        Assert.Equal(
            [("adaptformer", 0.2), ("full", 0.02), ("linear", 0.2), ("vpt", 0.2)],
            recipes.Select(recipe => (recipe.Tuning.Method, recipe.Optimizer.BaseLr)).Order());
        Assert.All(["AdaptFormer", "linear probing", "VPT", "full tuning"], name => Assert.Contains($"| {name} ", compared.Output, StringComparison.Ordinal));

        CliOutcome swept = await CliProgram.RunIn(_folder.Path, environment, ["sweep", _task["flowers"], "--grid", "tuning.bottleneck=2,4", .. small]);
        Assert.True(swept.Code == 0, swept.Error);
        Assert.Contains("| bottleneck 2 ", swept.Output, StringComparison.Ordinal);
        Assert.True(File.Exists(_folder["runs/flowers-sweep/sweep.json"]));
    }

    [Theory]
    [InlineData("There is no folder, list or recipe 'flower-photos'. Give a folder", "compare", "flower-photos")]
    [InlineData("There is no recipe 'flower-photos': no such file", "sweep", "flower-photos", "--grid", "batch=1,2")]
    [InlineData("What is to be trained?", "train")]
    [InlineData("There is no folder, list or recipe 'flower-photos'. Give a folder", "train", "flower-photos")]
    [InlineData("There is no folder, list or recipe 'imagefolder' (did you mean 'image-folder'?)", "train", "imagefolder")]
    [InlineData("There is no recipe 'nowhere.json': no such file", "train", "nowhere.json")]
    [InlineData("Where the weights of vit_tiny_patch16_224 are published is not known", "train", "image-folder", "--model", "vit_tiny_patch16_224")]
    [InlineData("epochs is \"many\"; expected a whole number", "train", "image-folder", "--epochs", "many")]
    [InlineData("early_stopping is 0; expected null or a whole number of at least 1", "train", "image-folder", "--patience", "0")]
    [InlineData("--model is deit_small_patch16_224 and --weights is the model deit_tiny_patch16_224", "train", "image-folder", "--model", "deit_small_patch16_224", "--weights", "deit_tiny_patch16_224")]
    public async Task A_call_that_cannot_be_carried_out_says_what_is_missing(string expected, params string[] call)
    {
        CliOutcome outcome = await CliProgram.Call(call);
        Assert.Equal(2, outcome.Code);
        Assert.Contains(expected, outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Recipes_and_models_are_listed_a_line_each()
    {
        CliOutcome recipes = await CliProgram.Call("recipes", "--json"), models = await CliProgram.Call("models", "--json"), shown = await CliProgram.Call("recipes");
        Assert.Equal((0, 0, 0), (recipes.Code, models.Code, shown.Code));
        JsonElement first = recipes.Json.Single(line => line.GetProperty("name").GetString() == "image-folder");
        Assert.Equal(("train", "adaptformer", "hub:facebook/deit-tiny-patch16-224"), (Text(first, "command"), Text(first, "method"), Text(first, "weights")));
        Assert.Equal("sweep", Text(recipes.Json.Single(line => Text(line, "name") == "sweeps/scale"), "command"));
        Assert.Equal("pretrain", Text(recipes.Json.Single(line => Text(line, "name") == "pretrain-mae"), "command"));
        Assert.All(recipes.Json, line => Assert.True(Text(line, "about")!.Length > 20, Text(line, "name")));
        Assert.Contains("| clip-folder ", shown.Output, StringComparison.Ordinal);

        JsonElement tiny = models.Json.Single(line => Text(line, "id") == "deit_tiny_patch16_224");
        Assert.Equal(("ViT, 12 blocks of 192, patches of 16", "hub:facebook/deit-tiny-patch16-224"), (Text(tiny, "sizes"), Text(tiny, "weights")));
        Assert.Equal([3, 16, 224, 224], models.Json.Single(line => Text(line, "id") == "vit_base_patch16_224.videomae").GetProperty("input").EnumerateArray().Select(n => n.GetInt32()));
    }

    [Fact]
    public async Task Predictions_are_written_as_CSV_and_as_JSON_Lines()
    {
        CliOutcome train = await CliProgram.Call("train", _task.Recipe, "--output", _folder["run"], "--json");
        Assert.True(train.Code == 0, train.Error);
        _task.Write("odd/a, \"b\".png", File.ReadAllBytes(_task["test/dark/0.png"]));
        _task.Write("odd/broken.png", [1, 2, 3]);
        Task<CliOutcome> csv = CliProgram.Call("predict", _task["odd"], "--run", _folder["run"], "--output", _folder["new/p.csv"], "--top-k", "2");
        Task<CliOutcome> lines = CliProgram.Call("predict", _task["odd"], "--run", _folder["run"], "--output", _folder["p.jsonl"]);
        Task<CliOutcome> scored = CliProgram.Call("eval", "--run", _folder["run"], "--predictions", _folder["e.csv"], "--per-class", "--json");
        Task<CliOutcome> scoredLines = CliProgram.Call("eval", "--run", _folder["run"], "--predictions", _folder["e.jsonl"]);
        Task<CliOutcome> wrong = CliProgram.Call("eval", "--run", _folder["run"], "--predictions", _folder["e.txt"]);

        Assert.Equal(1, (await csv).Code);                                          // one picture could not be read
        Assert.Contains("2 pictures, 1 of them unreadable", (await csv).Output, StringComparison.Ordinal);
        string[] rows = await File.ReadAllLinesAsync(_folder["new/p.csv"], TestContext.Current.CancellationToken);
        Assert.Equal("path,class_1,probability_1,class_2,probability_2,error", rows[0]);
        Assert.StartsWith($"\"{_task["odd/a, \"b\".png"].Replace("\"", "\"\"", StringComparison.Ordinal)}\",", rows[1], StringComparison.Ordinal);
        Assert.Contains(",,,,,", rows[2], StringComparison.Ordinal);
        Assert.Equal(1, (await lines).Code);
        Assert.Equal(3, JsonDocument.Parse(File.ReadLines(_folder["p.jsonl"]).First()).RootElement.GetProperty("classes").GetArrayLength());

        Assert.True((await scored).Code == 0, (await scored).Error);
        JsonElement result = (await scored).Json[0];
        string[] answers = await File.ReadAllLinesAsync(_folder["e.csv"], TestContext.Current.CancellationToken);
        Assert.Equal(("path,label,answer,probability,right", 16), (answers[0], answers.Length));
        Assert.Equal(result.GetProperty("top1").GetDouble(), 100.0 * answers.Count(row => row.EndsWith(",true", StringComparison.Ordinal)) / 15, 9);
        Assert.Equal(result.GetProperty("top1").GetDouble(), result.GetProperty("recall").GetDouble(), 9);                     // classes are equally large
        Assert.All(["precision", "recall", "f1", "auc"], name => Assert.InRange(result.GetProperty("per_class")[0].GetProperty(name).GetDouble(), 0, 100));
        Assert.Equal(train.Json[^1].GetProperty("test_f1").GetDouble(), result.GetProperty("f1").GetDouble(), 9);
        Assert.Equal(train.Json[^1].GetProperty("test_auc").GetDouble(), result.GetProperty("auc").GetDouble(), 9);

        Assert.Equal(0, (await scoredLines).Code);
        JsonElement item = JsonDocument.Parse(File.ReadLines(_folder["e.jsonl"]).First()).RootElement;
        Assert.Equal("bright", item.GetProperty("labels")[0].GetString());
        Assert.Equal((2, true), ((await wrong).Code, (await wrong).Error.Contains("expected a name that ends in .csv or .jsonl", StringComparison.Ordinal)));
    }

    private static string[] Tiny(string weights) => ["--weights", weights, "--set", "model.name=tiny", "--set", $"model.config={TinyTask.Config}", "--precision", "float32"];

    private static string? Text(JsonElement line, string name) => line.GetProperty(name).GetString();
}
