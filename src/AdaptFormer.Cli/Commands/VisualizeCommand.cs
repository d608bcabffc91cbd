using System.CommandLine;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using AdaptFormer.Cli.Output;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Loading;
using AdaptFormer.Inference;
using AdaptFormer.Reports;

namespace AdaptFormer.Cli.Commands;

/// <summary>The outcome of <c>visualize</c>.</summary>
/// <param name="Page">The page that was written.</param>
/// <param name="Items">Items that were answered.</param>
/// <param name="Unreadable">Of those, how many could not be read.</param>
/// <param name="Top1">Percent that was right; null without labels.</param>
/// <param name="Top5">Percent with the label among the first five; null without labels.</param>
/// <param name="MeanAp">Mean average precision in percent; null where an item has one class.</param>
/// <param name="Classes">Names of the classes, which the numbers below count from 0.</param>
/// <param name="Test">Confusion and calibration; null without labels, and where an item may have several.</param>
/// <param name="Map">Items in the plane; null without.</param>
/// <param name="Attention">What the model read in some items.</param>
internal sealed record VisualizeResult(
    string Page, int Items, int Unreadable, double? Top1, double? Top5, double? MeanAp, IReadOnlyList<string> Classes, TestReport? Test,
    FeatureMap? Map, IReadOnlyList<AttentionResult> Attention);

/// <summary>What the model read in one item.</summary>
/// <param name="Source">Where it comes from.</param>
/// <param name="Label">Its class; null where it is not known.</param>
/// <param name="Answer">The answer.</param>
/// <param name="Confidence">The answer's probability, in [0, 1].</param>
/// <param name="Grid">Frames, rows and columns of patches; maps are in this order.</param>
/// <param name="Reader">Whose attention it is, in words.</param>
/// <param name="Mean">Share of each patch in the last block, the mean of its heads.</param>
/// <param name="Rollout">Share of each patch through all blocks; null where attention is confined to windows.</param>
/// <param name="Heads">Share of each patch in the last block, by head.</param>
internal sealed record AttentionResult(
    string Source, string? Label, string Answer, double Confidence, int[] Grid, string Reader, float[] Mean, float[]? Rollout,
    IReadOnlyList<float[]> Heads);

/// <summary><c>adaptformer visualize</c>: what a trained model answers, how sure it is, where its features put the items, and where it
/// looks, as one page.</summary>
internal static class VisualizeCommand
{
    private const string PageName = "visualize.html";
    private static readonly VisualizeJson Json =
        new(new JsonSerializerOptions(VisualizeJson.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    public static Command Create(Screen screen)
    {
        ModelChoice model = new();
        Argument<string[]> pictures = new("pictures")
        {
            Description = "Image files, and folders whose images are all taken, without labels; for a model that reads clips, videos "
                + "and folders of frames.",
            Arity = ArgumentArity.ZeroOrMore,
        };
        TestDataChoice test = new("Items and their labels");
        Option<string> output = new("--output")
        { Description = $"The page; {PageName}, in the run's folder if there is one, if left out.", HelpName = "file" };
        Option<int> points = new("--points")
        {
            Description = $"Most items in the plane (t-SNE), 0 to {Tsne.MostPoints}.",
            DefaultValueFactory = _ => new VisualizationOptions().Points,
        };
        Option<int> show = new("--show")
        { Description = "Most items with maps of attention.", DefaultValueFactory = _ => new VisualizationOptions().Pictures };
        Option<long> seed = new("--seed") { Description = "Which of many items are shown, and where t-SNE starts." };
        Option<bool> json = CommonOptions.Json("Print one JSON object with all numbers, attention's included.");
        FileCommand command = new("visualize", "Write a page of what a model answers and where it looks: attention, t-SNE, confusion, "
            + "calibration.") { pictures, output, points, show, seed };
        model.AddTo(command);
        test.AddTo(command);
        command.Add(json);
        command.SetAction((parsed, cancellation) => Task.Run(() => Run(parsed, cancellation), CancellationToken.None));
        DeviceChoice.AddTo(command);
        return command;

        int Run(ParseResult parsed, CancellationToken cancellation)
        {
            string[] files = [.. PathPatterns.Expand(parsed.GetValue(pictures) ?? [])];
            string? run = model.Run(parsed);
            if (files.Length > 0 && test.IsNamed(parsed)) throw new ArgumentException("visualize: give pictures or --data, not both.");
            if (files.Length == 0 && !test.IsNamed(parsed) && run is null)
                throw new ArgumentException("Which pictures? Name some, or give --data PATH for a data set with labels.");
            if (parsed.GetValue(points) is < 0 or > Tsne.MostPoints)
                throw new ArgumentException(
                    $"--points is {parsed.GetValue(points)}; t-SNE here is exact and takes 0 to {Tsne.MostPoints}.");
            if (parsed.GetValue(show) < 0) throw new ArgumentException($"--show is {parsed.GetValue(show)}; expected at least 0.");
            if (files.Length == 0) test.Check(parsed, run);
            else UnlabelledDataset.RequireAll(files);
            string page = parsed.GetValue(output) ?? (run is null ? PageName : Path.Combine(run, PageName));
            using Predictor predictor = model.Open(parsed, screen);
            using DataLoader loader = files.Length > 0
                ? test.LoadUnlabelled(parsed, predictor, files) : test.Load(parsed, run, model.Name(parsed), predictor);
            Visualization made = CountView.Show(screen, parsed.GetValue(json), "batches and drawings", progress => Visualization.Make(
                predictor, loader, $"{predictor.Model.Id} on {loader.Dataset.Name}", Call(parsed), new VisualizationOptions(
                    parsed.GetValue(points), parsed.GetValue(show), parsed.GetValue(seed)), progress, cancellation));
            foreach ((_, string reason) in loader.UnreadablePictures)
                screen.Warn(files.Length > 0 ? reason : $"{reason} (counted as wrong)");
            ReportPage.Write(page, made.Page);
            Show(screen, page, loader, made, predictor.Labels, parsed.GetValue(json));
            return 0;
        }
    }

    private static string Call(ParseResult parsed) =>
        $"adaptformer {string.Join(' ', parsed.Tokens.Select(token => Quoted(token.Value)))}";

    private static string Quoted(string word) => word.Any(char.IsWhiteSpace) ? $"\"{word}\"" : word;

    private static void Show(Screen screen, string page, DataLoader loader, Visualization made, IReadOnlyList<string> classes, bool json)
    {
        if (json)
        {
            screen.Json(JsonSerializer.Serialize(
                new VisualizeResult(
                    page, loader.Dataset.Count, loader.UnreadablePictures.Count, made.Scores?.Top1, made.Scores?.Top5, made.Scores?.MeanAp,
                    classes, made.Page.Test, made.Page.Map,
                    [.. made.Items.Select(item => new AttentionResult(
                        item.Source, item.Label, item.Answer, item.Confidence, [item.Maps.Grid.T, item.Maps.Grid.H, item.Maps.Grid.W],
                        item.Maps.Reader, item.Maps.Mean, item.Maps.Rollout, item.Maps.Heads))]),
                Json.VisualizeResult));
            return;
        }

        if (made.Scores is { } scores)
        {
            string first = scores.MeanAp is { } map ? $"mAP {Format.Percent(map)}, " : "";
            string calibration = made.Page.Test is { } test
                ? string.Create(CultureInfo.InvariantCulture, $", calibration error {100 * test.CalibrationError:0.0} points") : "";
            screen.Line($"{first}top-1 {Format.Percent(scores.Top1)}, top-5 {Format.Percent(scores.Top5)}{calibration}");
        }

        screen.Line(page);
    }
}

/// <summary>How visualizations are written for scripts.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(VisualizeResult))]
internal sealed partial class VisualizeJson : JsonSerializerContext;
