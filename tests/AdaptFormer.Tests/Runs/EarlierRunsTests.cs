using System.Text.Json;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Experiments;
using AdaptFormer.Files;
using AdaptFormer.Inference;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Pretraining;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tests.Data;
using AdaptFormer.Training;
using Xunit;

namespace AdaptFormer.Tests.Runs;

/// <summary>
/// Runs that an earlier version began and was stopped in, with the log of the same runs without a stop. Recipes, adapters, checkpoints and logs must go on being read, and give the numbers of then.
/// </summary>
public sealed class EarlierRunsTests : IDisposable
{
    private const double Tolerance = 2e-3;
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("pictures")]
    [InlineData("clips")]
    public void A_stopped_run_goes_on_to_the_numbers_of_then(string kind)
    {
        string run = Copy(kind);
        Recipe recipe = Recipe.Load(Path.Combine(run, "recipe.json"));
        TrainingSummary summary = TrainingRun.Execute(recipe, run, ExistingRun.Resume, _ => { });
        AssertSame<EpochRecord>(kind, run, epoch => [epoch.TrainLoss, epoch.TrainTop1 ?? 0, epoch.ValidationLoss ?? 0, epoch.Lr]);
        TrainingSummary then = Assert.IsType<TrainingSummary>(RunRecord.FromJsonLine(File.ReadAllText(Fixture(kind, "whole-summary.json"))));
        Assert.Equal(then.TestLoss!.Value, summary.TestLoss!.Value, Tolerance);
        Assert.Equal((then.TestImages, then.TrainableParameters), (summary.TestImages, summary.TrainableParameters));
    }

    [Theory]
    [InlineData("pictures")]
    [InlineData("clips")]
    public void A_recipe_gives_the_numbers_of_then(string kind)
    {
        string run = Copy(kind);
        string output = _folder["again"];
        TrainingRun.Execute(Recipe.Load(Path.Combine(run, "recipe.json")), output, ExistingRun.Refuse, _ => { });
        AssertSame<EpochRecord>(kind, output, epoch => [epoch.TrainLoss, epoch.TrainTop1 ?? 0, epoch.ValidationLoss ?? 0, epoch.Lr]);
    }

    [Theory]
    [InlineData("pictures")]
    [InlineData("clips")]
    public void An_adapter_gives_the_answers_of_then(string kind)
    {
        string run = Copy(kind);
        using Predictor predictor = Predictor.OpenRun(run);
        JsonElement[] then = [.. File.ReadLines(Fixture(kind, "predictions.jsonl")).Select(line => JsonDocument.Parse(line).RootElement)];
        UnlabelledDataset items = UnlabelledDataset.Of(
            [.. then.Select(answer => answer.GetProperty("path").GetString()!.Replace("clips/", Frames, StringComparison.Ordinal))], clips: kind == "clips");
        Prediction[] now = [.. predictor.Predict(items)];
        Assert.Equal(then.Length, now.Length);
        foreach ((JsonElement answer, Prediction prediction) in then.Zip(now))
        {
            foreach (JsonElement score in answer.GetProperty("classes").EnumerateArray())
            {
                ClassScore same = Assert.Single(prediction.Classes, c => c.Label == score.GetProperty("label").GetString());
                Assert.Equal(score.GetProperty("probability").GetDouble(), same.Probability, Tolerance);
            }
        }
    }

    [Theory]
    [InlineData("mae")]
    [InlineData("mae-clips")]
    public void A_stopped_pretraining_goes_on_to_the_numbers_of_then(string kind)
    {
        string run = Copy(kind);
        PretrainRecipe recipe = PretrainRecipe.Load(Path.Combine(run, "recipe.json"));
        PretrainingRun.Execute(recipe, run, ExistingRun.Resume, _ => { });
        AssertSame<EpochRecord>(kind, run, epoch => [epoch.TrainLoss, epoch.Lr]);
    }

    [Theory]
    [InlineData("mae")]
    [InlineData("mae-clips")]
    public void A_recipe_of_pretraining_gives_the_numbers_of_then(string kind)
    {
        string run = Copy(kind);
        PretrainingRun.Execute(PretrainRecipe.Load(Path.Combine(run, "recipe.json")), _folder["again"], ExistingRun.Refuse, _ => { });
        AssertSame<EpochRecord>(kind, _folder["again"], epoch => [epoch.TrainLoss, epoch.Lr]);
    }

    private static string Frames => Folder("frames") + "/";

    private static string Folder(string name) => Path.Combine(AppContext.BaseDirectory, "Fixtures", "runs", name);

    private static string Fixture(string kind, string name) => Path.Combine(Folder(kind), name);

    /// <summary>A copy of a run, whose recipe names the frames where they lie.</summary>
    private string Copy(string kind)
    {
        string from = Folder(kind);
        foreach (string file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
            _folder.Write(Path.Combine(kind, Path.GetRelativePath(from, file)), File.ReadAllBytes(file));
        string recipe = _folder[Path.Combine(kind, "recipe.json")];
        File.WriteAllText(recipe, File.ReadAllText(recipe).Replace("\"clips/", "\"" + JsonEncodedText.Encode(Frames), StringComparison.Ordinal));
        return _folder[kind];
    }

    private static void AssertSame<TRecord>(string kind, string run, Func<TRecord, double[]> numbers)
        where TRecord : RunRecord
    {
        TRecord[] then = [.. Records(Fixture(kind, "whole.jsonl"))], now = [.. Records(Path.Combine(run, "log.jsonl"))];
        Assert.Equal(then.Length, now.Length);
        foreach ((TRecord before, TRecord after) in then.Zip(now))
            Assert.All(numbers(before).Zip(numbers(after)), pair => Assert.Equal(pair.First, pair.Second, Tolerance * Math.Max(1, Math.Abs(pair.First))));

        static IEnumerable<TRecord> Records(string log) => File.ReadLines(log).Select(RunRecord.FromJsonLine).Cast<TRecord>();
    }
}
