using System.Globalization;
using System.Text.Json.Nodes;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Loading;
using AdaptFormer.Inference;
using AdaptFormer.Runs;
using AdaptFormer.Tensors;
using AdaptFormer.Training;

namespace AdaptFormer.Reports;

/// <summary>What a visualization shows.</summary>
/// <param name="Points">Most items whose features are drawn in the plane; see <see cref="Tsne.MostPoints"/>. 0 for none.</param>
/// <param name="Pictures">Most items with maps of attention; 0 for none.</param>
/// <param name="Seed">Which of many are drawn, and where t-SNE starts.</param>
public sealed record VisualizationOptions(int Points = 500, int Pictures = 8, long Seed = 0);

/// <summary>One item with its answer and what the model read for it.</summary>
/// <param name="Source">Where it comes from.</param>
/// <param name="Label">Its class; null where it is not known.</param>
/// <param name="Answer">The answer.</param>
/// <param name="Confidence">The answer's probability, in [0, 1].</param>
/// <param name="Maps">What was read.</param>
public sealed record VisualizedItem(string Source, string? Label, string Answer, double Confidence, AttentionMaps Maps);

/// <summary>A trained model in pictures: what it answers, how sure it is, where its features put the items, and where it looks.</summary>
/// <param name="Page">All of it, for <see cref="ReportPage"/>.</param>
/// <param name="Scores">The scores; null where no label is known.</param>
/// <param name="Items">Items with maps of attention.</param>
public sealed record Visualization(ReportData Page, Scores? Scores, IReadOnlyList<VisualizedItem> Items)
{
    private const int Side = 192, HeadSide = 96;

    /// <summary>Runs the data through the model and draws what came of it.</summary>
    /// <param name="predictor">The model.</param>
    /// <param name="loader">The data, unshuffled and whole; their labels are looked at, except those of a
    /// <see cref="UnlabelledDataset"/>.</param>
    /// <param name="title">What the page is called.</param>
    /// <param name="command">The call that makes it again.</param>
    /// <param name="options">What is shown.</param>
    /// <param name="progress">Called with the number of batches and drawings done and of all; may be null.</param>
    /// <param name="cancellation">Stops between two of them.</param>
    /// <exception cref="ArgumentException">A number is out of range.</exception>
    /// <exception cref="InvalidDataException">Not one item could be read.</exception>
    public static Visualization Make(
        Predictor predictor, DataLoader loader, string title, string command, VisualizationOptions options,
        Action<int, int>? progress = null, CancellationToken cancellation = default)
    {
        if (options.Points is < 0 or > Tsne.MostPoints)
            throw new ArgumentException($"Visualization: {options.Points} points; t-SNE here is exact and takes 0 to {Tsne.MostPoints}.");
        ArgumentOutOfRangeException.ThrowIfNegative(options.Pictures);
        bool labelled = loader.Dataset is not UnlabelledDataset;
        int all = loader.BatchesPerEpoch + options.Pictures, done = 0;
        Evaluator evaluator = Evaluator.Score(predictor.Model, loader, (_, batches) => progress?.Invoke(done = batches, all), cancellation);
        IReadOnlyList<Answer> answers = evaluator.Answers;
        if (loader.UnreadablePictures.Count == loader.Dataset.Count)
            throw new InvalidDataException($"Nothing of {loader.Dataset.Name} could be read: {loader.UnreadablePictures[0].Reason}");

        HashSet<int> unreadable = [.. loader.UnreadablePictures.Select(item => item.Index)];
        int[] shown = labelled
            ? RunReport.Pick(answers, options.Seed, options.Pictures)
            : [.. Enumerable.Range(0, loader.Dataset.Count).Where(item => !unreadable.Contains(item)).Take(options.Pictures)];
        List<VisualizedItem> items = [];
        List<AttentionReport> drawn = [];
        foreach (int item in shown)
        {
            cancellation.ThrowIfCancellationRequested();
            Draw(predictor, loader.Samples, item, labelled, items, drawn);
            progress?.Invoke(++done, all);
        }

        Scores? scores = labelled ? evaluator.Result : null;
        TestReport? test = scores is { MeanAp: null } one ? RunReport.Test(answers, one.Top1, one.Top5) : null;
        FeatureMap? map = options.Points == 0 ? null
            : RunReport.Map(
                FeatureSet.Of(predictor.Model, loader.Samples, options.Points, options.Seed, labelled
                    ? null : item => answers[item].Predicted),
                options.Seed);
        ReportHeadline? headline = labelled ? Headlines.Of("", evaluator) : null;
        ReportData page = new(
            title, command, Headlines.Rest(headline, Facts(predictor, loader, scores, test)), [], predictor.Labels, test,
            labelled && evaluator.MultiLabel is { } many ? RunReport.Classes(many, evaluator) : null,
            map is null || labelled ? map : map with { ByAnswer = true },
            labelled ? RunReport.Some(loader.Dataset, loader.Samples.Orientation, evaluator, predictor.Labels, options.Seed) : [],
            null, JsonNode.Parse(RunEnvironment.Capture(Backend.Current.Name).ToJson()))
        {
            Headline = headline,
            Attention = drawn,
            Metrics = labelled ? evaluator.Metrics() : [],
        };
        progress?.Invoke(all, all);
        return new Visualization(page, scores, items);
    }

    private static void Draw(
        Predictor predictor, SampleMaker samples, int item, bool labelled, List<VisualizedItem> items, List<AttentionReport> drawn)
    {
        using TensorScope scope = new();
        Shape shape = new([.. samples.Dims]);
        float[] input = new float[shape.Length];
        using (IDisposable scratch = samples.CreateScratch()) samples.Make(item * samples.Views, new Rng(0), input, scratch);
        (AttentionMaps maps, float[] logits) = AttentionMaps.Of(predictor.Model, Tensor.From(input, new Shape([1, .. samples.Dims])));
        (int best, double confidence) = Best(logits, predictor.MultiLabel);
        string? label = labelled ? string.Join(", ", samples.Data.Labels(item).Select(k => predictor.Labels[k])) : null;
        string answer = predictor.Labels[best], source = samples.Data.Source(item);
        items.Add(new VisualizedItem(source, label, answer, confidence, maps));

        using HeatMap large = new(input, shape, predictor.Pictures, maps.Grid, Side);
        using HeatMap small = new(input, shape, predictor.Pictures, maps.Grid, HeadSide);
        drawn.Add(new AttentionReport(
            source, label, answer, confidence, maps.Reader, large.Picture(), large.Over(maps.Mean),
            maps.Rollout is null ? null : large.Over(maps.Rollout), [.. maps.Heads.Select(small.Over)]));
    }

    private static (int Class, double Confidence) Best(float[] logits, bool multiLabel)
    {
        int best = Array.IndexOf(logits, logits.Max());
        return (best, multiLabel ? 1 / (1 + Math.Exp(-logits[best])) : 1 / logits.Sum(logit => Math.Exp(logit - logits[best])));
    }

    private static List<ReportFact> Facts(Predictor predictor, DataLoader loader, Scores? scores, TestReport? test)
    {
        List<ReportFact> facts = [];
        if (scores is { MeanAp: { } map }) facts.Add(new("mAP", Invariant($"{map:0.00} %")));
        if (scores is { } s)
        {
            facts.Add(new("top-1", Invariant($"{s.Top1:0.00} %")));
            facts.Add(new("top-5", Invariant($"{s.Top5:0.00} %")));
        }

        if (test is not null) facts.Add(new("calibration error", Invariant($"{100 * test.CalibrationError:0.0} points")));
        facts.Add(new("items", Invariant($"{loader.Dataset.Count:N0}")));
        if (loader.UnreadablePictures.Count > 0) facts.Add(new("unreadable", Invariant($"{loader.UnreadablePictures.Count:N0}")));
        facts.Add(new("classes", Invariant($"{predictor.Labels.Count:N0}")));
        facts.Add(new("model", predictor.Model.Id));
        facts.Add(new("precision", predictor.Model.Compute == DataType.BFloat16 ? "bfloat16" : "float32"));
        return facts;
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
