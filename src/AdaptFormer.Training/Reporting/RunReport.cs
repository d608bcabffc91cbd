using System.Globalization;
using System.Text.Json.Nodes;
using AdaptFormer.Data;
using AdaptFormer.Models;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Training.Recipes;
using AdaptFormer.Training.Runs;

namespace AdaptFormer.Training.Reporting;

/// <summary>The report of one run: its curves, its answers on the test data, where its features put them, and what made it.</summary>
public static class RunReport
{
    /// <summary>Most test items whose features are drawn; the time of t-SNE grows with its square.</summary>
    public const int MapItems = 300;

    private const int Samples = 12, ThumbnailSide = 112, FeatureBatch = 16, CalibrationBins = 10;

    /// <summary>Makes the page of a finished run anew: its test data are answered again.</summary>
    /// <param name="folder">The run's folder.</param>
    /// <param name="progress">Called after each batch of the test data with the number done and of all; may be null.</param>
    /// <param name="cancellation">Stops between two batches.</param>
    /// <returns>The page's path.</returns>
    /// <exception cref="IOException">The folder holds no finished run, or a file is gone.</exception>
    /// <exception cref="InvalidDataException">A file is damaged.</exception>
    public static string Remake(string folder, Action<int, int>? progress = null, CancellationToken cancellation = default)
    {
        using RunDirectory run = RunDirectory.Open(folder);
        TrainingSummary summary = run.ReadSummary() ?? throw new FileNotFoundException($"{folder} holds a run that has not ended: there is no {run.SummaryPath}.", run.SummaryPath);
        Recipe recipe = run.ReadRecipe();
        using Predictor predictor = Predictor.OpenRun(folder);
        using RecipeData data = RecipeData.Open(recipe, RecipeBackbone.Pictures(recipe, predictor.Model), predictor.Model.InputShape);
        IReadOnlyList<Answer> answers = data.Test is null || data.MultiLabel ? [] : Evaluator.Score(predictor.Model, data.Test, (_, done) => progress?.Invoke(done, data.Test.BatchesPerEpoch), cancellation).Answers;
        Write(run, recipe, predictor.Model, data.MultiLabel ? null : data.Test, predictor.Labels, run.ReadLog(), summary, answers);
        return run.ReportPath;
    }

    /// <summary>Writes <c>report.html</c> into a run's folder.</summary>
    /// <param name="run">The folder.</param>
    /// <param name="recipe">The recipe.</param>
    /// <param name="model">The model as it was kept.</param>
    /// <param name="test">The test data; null if there are none.</param>
    /// <param name="classes">Names of the classes.</param>
    /// <param name="epochs">The curves.</param>
    /// <param name="summary">The outcome.</param>
    /// <param name="answers">The answers on the test data, in their order; empty if there are none.</param>
    internal static void Write(
        RunDirectory run, Recipe recipe, Backbone model, DataLoader? test, IReadOnlyList<string> classes, IReadOnlyList<EpochRecord> epochs, TrainingSummary summary, IReadOnlyList<Answer> answers)
    {
        ReportData data = new(
            $"{recipe.Tuning.Method} on {model.Id}", Command(recipe, run), Facts(recipe, model, summary), epochs, classes,
            answers.Count == 0 ? null : Test(answers, summary),
            test is null ? null : Map(model, test.Samples, recipe.Seed),
            test is null ? [] : Some(test.Samples, answers, classes, recipe.Seed),
            JsonNode.Parse(recipe.ToJson()), JsonNode.Parse(File.ReadAllText(run.EnvironmentPath)));
        ReportPage.Write(run.ReportPath, data);
    }

    /// <summary>Counts of answers, and how far confidence can be trusted.</summary>
    internal static TestReport Test(IReadOnlyList<Answer> answers, TrainingSummary summary) => Test(answers, summary.TestTop1 ?? 0, summary.TestTop5 ?? 0);

    /// <summary>Counts of answers, and how far confidence can be trusted.</summary>
    internal static TestReport Test(IReadOnlyList<Answer> answers, double top1, double top5)
    {
        Answer[] readable = [.. answers.Where(answer => answer.Label >= 0)];
        int[][] confusion = [.. readable.GroupBy(answer => (answer.Label, answer.Predicted)).OrderBy(pair => pair.Key).Select(pair => (int[])[pair.Key.Label, pair.Key.Predicted, pair.Count()])];
        CalibrationBin[] bins = [.. Enumerable.Range(0, CalibrationBins).Select(bin => readable.Where(answer => Math.Min(CalibrationBins - 1, (int)(answer.Confidence * CalibrationBins)) == bin).ToArray())
            .Select(bin => new CalibrationBin(bin.Length, bin.Length == 0 ? 0 : bin.Average(answer => answer.Confidence), bin.Length == 0 ? 0 : bin.Average(answer => answer.Right ? 1.0 : 0)))];
        double error = readable.Length == 0 ? 0 : bins.Sum(bin => bin.Count * Math.Abs(bin.Confidence - bin.Right)) / readable.Length;
        return new TestReport(top1, top5, confusion, answers.Count - readable.Length, bins, error);
    }

    private static string Command(Recipe recipe, RunDirectory run) => $"adaptformer train {Path.GetFileName(run.RecipePath)} --output {Path.GetFileName(run.Path)}-again";

    private static List<ReportFact> Facts(Recipe recipe, Backbone model, TrainingSummary r)
    {
        List<ReportFact> facts = [];
        if (r.TestTop1 is { } top1) facts.Add(new("test top-1", Invariant($"{top1:0.00} %")));
        if (r.TestTop5 is { } top5) facts.Add(new("test top-5", Invariant($"{top5:0.00} %")));
        if (r.ValidationTop1 is { } validation) facts.Add(new("validation top-1", Invariant($"{validation:0.00} %")));
        facts.Add(new("epoch kept", Invariant($"{r.BestEpoch} of {recipe.Epochs}")));
        facts.Add(new("trainable parameters", Invariant($"{r.TrainableParameters:N0} ({100.0 * r.TrainableParameters / r.TotalParameters:0.00} %)")));
        facts.Add(new("adapter file", Invariant($"{r.AdapterBytes / 1e6:0.00} MB")));
        facts.Add(new("seconds an epoch", Invariant($"{r.SecondsPerEpoch:0.0}")));
        facts.Add(new("pictures a second", Invariant($"{r.ImagesPerS:0.0}")));
        facts.Add(new("peak memory", Invariant($"{r.PeakBytes / 1e6:0} MB")));
        facts.Add(new("seed", Invariant($"{r.Seed}")));
        facts.Add(new("formula", recipe.Tuning.Formula));
        facts.Add(new("precision", model.Compute == DataType.BFloat16 ? "bfloat16" : "float32"));
        return facts;
    }

    /// <summary>Features of test items, evenly over the set; those that cannot be read are left out.</summary>
    internal static FeatureMap? Map(Backbone model, SampleMaker samples, long seed) => Map(model, samples, seed, MapItems, samples.Data.Label);

    /// <summary>Features of at most <paramref name="most"/> items, evenly over the set, each with the class that <paramref name="label"/> gives it.</summary>
    internal static FeatureMap? Map(Backbone model, SampleMaker samples, long seed, int most, Func<int, int> label)
    {
        int count = Math.Min(most, samples.Data.Count);
        List<float> features = [];
        List<int> labels = [];
        using IDisposable scratch = samples.CreateScratch();
        List<int> batch = [];
        using TensorScope scope = new();
        Tensor inputs = Tensor.Empty(new Shape([FeatureBatch, .. samples.Dims]));
        for (int i = 0; i < count; i++)
        {
            int item = (int)((long)i * samples.Data.Count / count);
            try
            {
                samples.Make(item * samples.Views, new Rng(seed), inputs.Span.Slice(batch.Count * samples.Length, samples.Length), scratch);
                batch.Add(item);
            }
            catch (Exception e) when (e is InvalidDataException or IOException)
            {
                continue;
            }

            if (batch.Count == FeatureBatch) Take();
        }

        if (batch.Count > 0) Take();
        if (labels.Count < 8) return null;
        double[] places = Tsne.Embed(features.ToArray(), labels.Count, new Rng(seed));
        return new FeatureMap(
            [.. Enumerable.Range(0, labels.Count).Select(i => Math.Round(places[2 * i], 4))], [.. Enumerable.Range(0, labels.Count).Select(i => Math.Round(places[(2 * i) + 1], 4))], labels, samples.Data.Count);

        void Take()
        {
            using TensorScope pass = new();
            features.AddRange(model.RunBefore(model.Blocks.Count + 1, inputs.SliceBatch(0, batch.Count)).ToArray());
            labels.AddRange(batch.Select(label));
            batch.Clear();
        }
    }

    /// <summary>Some items with their answers: as many wrong ones as there are, up to half, the surest first.</summary>
    internal static List<SampleReport> Some(SampleMaker samples, IReadOnlyList<Answer> answers, IReadOnlyList<string> classes, long seed) =>
        [.. Pick(answers, seed, Samples).Select(i => new SampleReport(
            Picture(samples.Data, i), samples.Data.Source(i), classes[answers[i].Label], classes[answers[i].Predicted], answers[i].Confidence))];

    /// <summary>Which items are shown: wrong ones, the surest first, and right ones, half of each where there are enough.</summary>
    internal static int[] Pick(IReadOnlyList<Answer> answers, long seed, int count)
    {
        int[] order = [.. Enumerable.Range(0, answers.Count)];
        new Rng(seed).Shuffle<int>(order);
        int[] wrong = [.. order.Where(i => answers[i] is { Right: false, Label: >= 0 }).OrderByDescending(i => answers[i].Confidence).Take(count / 2)];
        return [.. wrong, .. order.Where(i => answers[i].Right).Take(count - wrong.Length)];
    }

    private static string Picture(LabelledDataset data, int item)
    {
        using ImageBuffer small = new();
        using ImageResizer resizer = new();
        using ClipBuffer clip = new();
        using ImageBuffer picture = new();
        ImageBuffer shown = picture;
        switch (data)
        {
            case ImageDataset images:
                images.Load(item, picture);
                break;
            case ClipDataset clips:
                clips.Load(item, [clips.FrameCount(item) / 2], clip);
                shown = clip[0];
                break;
            default:
                return "";
        }

        int side = Math.Min(shown.Width, shown.Height);
        PixelBox middle = Framing.CenterCrop(shown.Width, shown.Height, side, side);
        resizer.Resize(shown, middle, ThumbnailSide, ThumbnailSide, Interpolation.Bilinear, small);
        return DataAddress.Png(small);
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
