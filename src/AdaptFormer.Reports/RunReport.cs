using System.Text.Json.Nodes;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Images;
using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tensors;
using AdaptFormer.Training;
using AdaptFormer.Training.Metrics;

namespace AdaptFormer.Reports;

/// <summary>The report of one run: its curves, its answers on the test data, where its features put them, and what made it.</summary>
public static class RunReport
{
    /// <summary>Most test items whose features are drawn; the time of t-SNE grows with its square.</summary>
    public const int MapItems = 300;

    private const int Samples = 12, ThumbnailSide = 112, ClipFrames = 4, CalibrationBins = 10;

    /// <summary>Makes the page of a run anew: its test data are answered again. Of a run that has not ended it shows the epochs so
    /// far.</summary>
    /// <param name="folder">The run's folder.</param>
    /// <param name="progress">Called after each batch of the test data with the number done and of all; may be null.</param>
    /// <param name="cancellation">Stops between two batches.</param>
    /// <returns>The page's path.</returns>
    /// <exception cref="IOException">The folder holds no run, or a file is gone.</exception>
    /// <exception cref="InvalidDataException">A file is damaged.</exception>
    public static string Remake(string folder, Action<int, int>? progress = null, CancellationToken cancellation = default)
    {
        using RunDirectory run = RunDirectory.Open(folder);
        Recipe recipe = run.ReadRecipe();
        if (run.ReadSummary() is not { } summary) return Unfinished(run, recipe);
        using Predictor predictor = Predictor.OpenRun(folder);
        using RecipeData data = RecipeData.Open(recipe, RecipeBackbone.Pictures(recipe, predictor.Model), predictor.Model.InputShape);
        Evaluator? scored = data.Test is null ? null
            : Evaluator.Score(predictor.Model, data.Test, (_, done) => progress?.Invoke(done, data.Test.BatchesPerEpoch), cancellation);
        FeatureSet? features = data.Test is null ? null : FeatureSet.Of(predictor.Model, data.Test.Samples, MapItems, recipe.Seed);
        Write(run, recipe, predictor.Model, features, data, predictor.Labels, run.ReadLog(), summary, scored);
        return run.ReportPath;
    }

    /// <summary>Writes <c>report.html</c> into a run's folder.</summary>
    /// <param name="run">The folder.</param>
    /// <param name="recipe">The recipe.</param>
    /// <param name="model">The model as it was kept.</param>
    /// <param name="features">Features of test items; null if there are no test data.</param>
    /// <param name="of">The data.</param>
    /// <param name="classes">Names of the classes.</param>
    /// <param name="epochs">The curves.</param>
    /// <param name="summary">The outcome.</param>
    /// <param name="scored">The answers on the test data, in their order; null if there are none.</param>
    /// <returns>What the page shows.</returns>
    public static ReportData Write(
        RunDirectory run, Recipe recipe, Backbone model, FeatureSet? features, RecipeData of, IReadOnlyList<string> classes,
        IReadOnlyList<EpochRecord> epochs, TrainingSummary summary, Evaluator? scored)
    {
        ReportHeadline? headline = Headlines.Of(summary, scored, of.Validation?.Dataset.Count ?? 0);
        ReportData data = new(
            $"{recipe.Tuning.Method} on {model.Id}", Command(run), Headlines.Rest(headline, RunFacts.Of(recipe, model, summary)), epochs,
            classes,
            scored is null or { MultiLabel: not null } ? null : Test(scored.Answers, summary),
            scored?.MultiLabel is { } many ? Classes(many, scored) : null,
            features is null ? null : Map(features, recipe.Seed),
            features is null || scored is null ? [] : Some(features.Data, features.Orientation, scored, classes, recipe.Seed),
            JsonNode.Parse(recipe.ToJson()), run.ReadEnvironment())
        {
            Headline = headline,
            Metrics = scored?.Metrics() ?? [],
        };
        ReportPage.Write(run.ReportPath, data);
        return data;
    }

    private static string Unfinished(RunDirectory run, Recipe recipe)
    {
        IReadOnlyList<EpochRecord> epochs = run.ReadLog();
        ReportPage.Write(run.ReportPath, new ReportData(
            $"{recipe.Tuning.Method} on {recipe.Model.Name}", $"adaptformer train {run.RecipePath} --output {run.Path} --resume",
            RunFacts.SoFar(recipe, epochs), epochs, [], null, null, null, [], JsonNode.Parse(recipe.ToJson()),
            run.ReadEnvironment())
        {
            Headline = Headlines.SoFar(epochs),
            Remarks = [$"This run has not ended: {epochs.Count} of {recipe.Epochs} epochs are done, and the test data are not scored yet."],
        });
        return run.ReportPath;
    }

    /// <summary>How each class did where a picture may have several.</summary>
    internal static MultiLabelReport Classes(MultiLabelScores many, Evaluator scored)
    {
        double[] precision = many.PerClass(ApDefinition.Asl);
        int[] positives = many.Positives;
        return new MultiLabelReport(
            scored.Result.MeanAp ?? 0, scored.Result.MeanApSklearn ?? 0,
            [.. precision.Select((ap, k) => new ClassReport(k, positives[k], 100 * ap))]);
    }

    /// <summary>Counts of answers, and how far confidence can be trusted.</summary>
    internal static TestReport Test(IReadOnlyList<Answer> answers, TrainingSummary summary) =>
        Test(answers, summary.TestTop1 ?? 0, summary.TestTop5 ?? 0);

    /// <summary>Counts of answers, and how far confidence can be trusted.</summary>
    internal static TestReport Test(IReadOnlyList<Answer> answers, double top1, double top5)
    {
        Answer[] readable = [.. answers.Where(answer => answer.Label >= 0)];
        int[][] confusion =
        [
            .. readable.GroupBy(answer => (answer.Label, answer.Predicted)).OrderBy(pair => pair.Key)
                .Select(pair => (int[])[pair.Key.Label, pair.Key.Predicted, pair.Count()]),
        ];
        ILookup<int, Answer> steps = readable.ToLookup(answer => Math.Min(CalibrationBins - 1, (int)(answer.Confidence * CalibrationBins)));
        CalibrationBin[] bins =
        [
            .. Enumerable.Range(0, CalibrationBins).Select(step => steps[step].ToArray()).Select(bin => bin.Length == 0
                ? new CalibrationBin(0, 0, 0)
                : new CalibrationBin(bin.Length, bin.Average(answer => answer.Confidence), bin.Average(answer => answer.Right ? 1.0 : 0))),
        ];
        double error = readable.Length == 0 ? 0 : bins.Sum(bin => bin.Count * Math.Abs(bin.Confidence - bin.Right)) / readable.Length;
        return new TestReport(top1, top5, confusion, answers.Count - readable.Length, bins, error);
    }

    private static string Command(RunDirectory run) =>
        $"adaptformer train {Path.GetFileName(run.RecipePath)} --output {Path.GetFileName(run.Path)}-again";

    /// <summary>Features in the plane; null for too few of them.</summary>
    internal static FeatureMap? Map(FeatureSet features, long seed)
    {
        if (features.Count < 8) return null;
        double[] places = Tsne.Embed(features.Values, features.Count, new Rng(seed));
        return new FeatureMap(Column(0), Column(1), features.Labels, features.Data.Count);

        double[] Column(int c) => [.. Enumerable.Range(0, features.Count).Select(i => Math.Round(places[(2 * i) + c], 4))];
    }

    /// <summary>Some items with their answers.</summary>
    internal static List<SampleReport> Some(
        LabelledDataset data, OrientationRule orientation, Evaluator scored, IReadOnlyList<string> classes, long seed)
    {
        IReadOnlyList<Answer> answers = scored.Answers;
        using Thumbnail thumbnail = new(orientation);
        using ImageBuffer shown = new();
        return
        [
            .. Pick(answers, seed, Samples).Select(i => new SampleReport(
                Picture(i), data.Source(i), Labels(i), Predicted(i), answers[i].Confidence, answers[i].Right, shown.Width / ThumbnailSide)),
        ];

        string Labels(int i) =>
            scored.MultiLabel is null ? classes[answers[i].Label] : string.Join(", ", data.Labels(i).Select(k => classes[k]));

        // Several answers are those that are likelier than not, or the likeliest one.
        string Predicted(int i)
        {
            int best = answers[i].Predicted;
            return scored.MultiLabel is not { } many ? classes[best]
                : string.Join(", ", many.Logits(i).Select((logit, k) => (logit, k)).Where(pair => pair.logit > 0 || pair.k == best)
                    .Select(pair => classes[pair.k]));
        }

        string Picture(int i)
        {
            thumbnail.Load(data, i, ThumbnailSide, ClipFrames, shown);
            return DataAddress.Png(shown);
        }
    }

    /// <summary>Which items are shown: wrong ones, the surest first, and right ones, half of each where there are enough.</summary>
    internal static int[] Pick(IReadOnlyList<Answer> answers, long seed, int count)
    {
        int[] order = [.. Enumerable.Range(0, answers.Count)];
        new Rng(seed).Shuffle<int>(order);
        IEnumerable<int> missed = order.Where(i => answers[i] is { Right: false, Label: >= 0 });
        int[] wrong = [.. missed.OrderByDescending(i => answers[i].Confidence).Take(count / 2)];
        return [.. wrong, .. order.Where(i => answers[i].Right).Take(count - wrong.Length)];
    }

}
