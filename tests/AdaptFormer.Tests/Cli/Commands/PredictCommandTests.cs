using System.Text.Json;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Experiments;
using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Training;
using Xunit;

namespace AdaptFormer.Tests.Cli.Commands;

public sealed class PredictCommandTests(TinyTask task) : IClassFixture<TinyTask>
{
    [Fact]
    public async Task Unreadable_pictures_are_reported_and_the_others_still_get_their_answer()
    {
        string weights = task.SaveBackbone("classifier.safetensors", seed: 4, embedDim: 64, classes: 3), labels = task.Write("labels.txt", "bright\n\ndark\nstriped\n");
        string torn = task.Write("mixed/b.png", File.ReadAllBytes(task["test/dark/0.png"])[..100]), text = task.Write("mixed/c.jpg", "no picture at all");
        File.Copy(task["test/bright/0.png"], task["mixed/a.png"]);
        File.Copy(task["test/dark/1.png"], task["mixed/d.png"]);

        CliOutcome outcome = await CliProgram.Call("predict", task["mixed"], "--weights", weights, "--labels", labels, "--precision", "float32", "--json", "--top-k", "2");
        Assert.Equal(1, outcome.Code);
        Assert.Equal(["a.png", "b.png", "c.jpg", "d.png"], outcome.Json.Select(line => Path.GetFileName(line.GetProperty("path").GetString())));
        Assert.Equal([true, false, false, true], outcome.Json.Select(line => line.GetProperty("classes").GetArrayLength() == 2));
        Assert.Contains($"adaptformer: {torn}", outcome.Error, StringComparison.Ordinal);
        Assert.Contains($"adaptformer: {text}", outcome.Error, StringComparison.Ordinal);

        // The library says the same of one picture as the program of many.
        using Predictor predictor = Predictor.OpenPretrained(weights, TinyTask.Labels, precision: Precision.Float32);
        JsonElement best = outcome.Json[3].GetProperty("classes")[0];
        ClassScore own = predictor.Predict(task["mixed/d.png"])[0];
        Assert.Equal(own.Label, best.GetProperty("label").GetString());
        Assert.Equal(own.Probability, best.GetProperty("probability").GetDouble(), 6);
        Assert.Equal(1, predictor.Predict(task["mixed/d.png"], topK: 3).Sum(score => score.Probability), 6);
    }

    [Fact]
    public async Task A_table_shows_each_picture_with_its_classes()
    {
        string weights = task.SaveBackbone("plain.safetensors", seed: 4, embedDim: 64, classes: 3);
        CliOutcome outcome = await CliProgram.Call("predict", task["test/dark/0.png"], "--weights", weights);
        Assert.Equal(0, outcome.Code);
        Assert.Contains("0.png", outcome.Output, StringComparison.Ordinal);
        Assert.Equal(3, outcome.Output.Split('\n').Count(line => line.Contains('%', StringComparison.Ordinal)));      // no more classes than there are
    }

    [Fact]
    public async Task Patterns_mean_what_they_match_where_no_shell_has_put_it_in_their_place()
    {
        string weights = task.SaveBackbone("patterns.safetensors", seed: 4, embedDim: 64, classes: 3);
        task.Write("test/dark/.hidden.png", "not a picture");
        CliOutcome all = await Predict(task["test/dark/*.png"]), one = await Predict(task["test/dark/?.png"], task["test/bright/0.p*"]), none = await Predict(task["test/dark/*.jpg"]);
        Assert.Equal(Directory.GetFiles(task["test/dark"], "?*.png").Select(Path.GetFileName).Where(name => name![0] != '.').Order(StringComparer.Ordinal), all.Json.Select(Name));
        Assert.Equal("0.png", Name(one.Json[^1]));
        Assert.Equal((1, ""), (none.Code, none.Output));
        Assert.Contains($"Nothing matches '{task["test/dark/*.jpg"]}'", none.Error, StringComparison.Ordinal);

        Task<CliOutcome> Predict(params string[] paths) => CliProgram.Call(["predict", .. paths, "--weights", weights, "--precision", "float32", "--json"]);

        static string? Name(JsonElement line) => Path.GetFileName(line.GetProperty("path").GetString());
    }

    [Fact]
    public async Task A_run_directory_stands_for_its_adapter()
    {
        string run = task["run-adapter"];
        Assert.Equal(0, (await CliProgram.Call("train", task.Recipe, "--set", "epochs=1", "--output", run)).Code);
        CliOutcome folder = await Predict(run), file = await Predict(Path.Combine(run, "adapter.safetensors")), none = await Predict(task["test"]);
        Assert.Equal((0, file.Output), (folder.Code, folder.Output));
        Assert.Equal(1, none.Code);
        Assert.Contains("holds no run: there is no recipe.json in it", none.Error, StringComparison.Ordinal);
        Assert.Equal(0, (await CliProgram.Call("train", task.Recipe, "--set", "epochs=1", "--from", run, "--output", task["run-warm"])).Code);
        Assert.Equal(0, (await CliProgram.Call("describe", "--adapter", run)).Code);

        Task<CliOutcome> Predict(string adapter) =>
            CliProgram.Call("predict", task["test/dark/0.png"], "--adapter", adapter, "--weights", task.Backbone, "--precision", "float32", "--json");
    }

    [Fact]
    public void Labels_that_do_not_match_the_classifier_and_weights_without_one_are_refused()
    {
        string weights = task.SaveBackbone("three.safetensors", seed: 4, embedDim: 64, classes: 3);
        Assert.Contains("3 classes", Assert.Throws<ArgumentException>(() => Predictor.OpenPretrained(weights, ["one"])).Message, StringComparison.Ordinal);
        Assert.Contains("no classifier", Assert.Throws<ArgumentException>(() => Predictor.OpenPretrained(task.SaveBackbone("none.safetensors", seed: 4, embedDim: 64))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_list_of_files_names_everything_that_is_not_there()
    {
        string message = Assert.Throws<FileNotFoundException>(() => UnlabelledDataset.Of([task["test"], "a.png", "b.png"])).Message;
        Assert.Contains("'a.png', 'b.png'", message, StringComparison.Ordinal);
        Assert.Equal(15, UnlabelledDataset.Of([task["test"]]).Count);
        Assert.Throws<InvalidDataException>(() => UnlabelledDataset.Of([Directory.CreateDirectory(task["void"]).FullName]));
    }
}
