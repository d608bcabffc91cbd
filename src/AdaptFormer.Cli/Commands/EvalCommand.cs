using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using AdaptFormer.Cli.Output;
using AdaptFormer.Data.Loading;
using AdaptFormer.Inference;
using AdaptFormer.Runs;
using AdaptFormer.Training;
using AdaptFormer.Training.Metrics;

namespace AdaptFormer.Cli.Commands;

/// <summary>The outcome of <c>eval</c>.</summary>
/// <param name="Top1">Percent of the pictures that were right.</param>
/// <param name="Top5">Percent with the label among the first five.</param>
/// <param name="Loss">Mean cross-entropy of the readable pictures.</param>
/// <param name="Images">Pictures or clips scored, unreadable ones included: they count as wrong.</param>
/// <param name="Unreadable">Pictures that could not be read.</param>
/// <param name="Seconds">Duration.</param>
/// <param name="PerClass">Scores of each class; null unless asked for.</param>
internal sealed record EvalResult(
    double Top1, double Top5, double Loss, int Images, int Unreadable, double Seconds, IReadOnlyList<ClassResult>? PerClass)
{
    /// <summary>Mean average precision in percent, in ASL's definition; null where a picture has one class.</summary>
    public double? Map { get; init; }

    /// <summary>The same in scikit-learn's definition, over the classes that occur.</summary>
    public double? MapSklearn { get; init; }

    /// <summary>Mean precision of the classes that occur, in percent.</summary>
    public double? Precision { get; init; }

    /// <summary>Mean recall of the classes that occur, in percent.</summary>
    public double? Recall { get; init; }

    /// <summary>Mean F1 of the classes that occur, in percent.</summary>
    public double? F1 { get; init; }

    /// <summary>Mean area under the ROC curves of each class against the rest, in percent.</summary>
    public double? Auc { get; init; }
}

/// <summary>The scores of one class.</summary>
/// <param name="Label">Its name.</param>
/// <param name="Images">Readable pictures of it.</param>
/// <param name="Top1">Percent of them that were right; null without pictures.</param>
internal sealed record ClassResult(string Label, int Images, double? Top1)
{
    /// <summary>Average precision in percent, in ASL's definition; null where a picture has one class.</summary>
    public double? Ap { get; init; }

    /// <summary>Percent of the answers with it that were right.</summary>
    public double? Precision { get; init; }

    /// <summary>Percent of its pictures that were answered with it.</summary>
    public double? Recall { get; init; }

    /// <summary>Harmonic mean of both.</summary>
    public double? F1 { get; init; }

    /// <summary>Area under the ROC curve of it against the rest, in percent.</summary>
    public double? Auc { get; init; }
}

/// <summary><c>adaptformer eval</c>: scores a trained model on a data set.</summary>
internal static class EvalCommand
{
    public static Command Create(Screen screen)
    {
        ModelChoice model = new();
        TestDataChoice test = new("The pictures or clips and their labels");
        Option<bool> perClass = new("--per-class") { Description = "Show the scores of each class." };
        Option<string> predictions = new("--predictions")
        { Description = "Write the answer to each picture or clip, as CSV or JSON Lines by the name's ending.", HelpName = "file" };
        Option<bool> json = CommonOptions.Json("Print one JSON line.");
        Command command = new("eval", "Score a trained model on a data set.") { perClass, predictions, json };
        model.AddTo(command);
        test.AddTo(command);
        command.SetAction((parsed, cancellation) => Task.Run(
            () =>
            {
                test.Check(parsed, model.Run(parsed));
                AnswerFile? answers = parsed.GetValue(predictions) is { } path ? new AnswerFile(path, "--predictions") : null;
                using Predictor predictor = model.Open(parsed, screen);
                using DataLoader loader = test.Load(parsed, model.Run(parsed), model.Name(parsed), predictor);
                EvalResult result = RunView.Show(screen, parsed.GetValue(json),
                    report => Score(predictor, loader, parsed.GetValue(perClass), answers, report, cancellation));
                Show(screen, result, predictor.ReadsClips ? "clips" : "pictures", parsed.GetValue(json));
                return 0;
            },
            CancellationToken.None));
        DeviceChoice.AddTo(command);
        return command;
    }

    private static EvalResult Score(Predictor predictor, DataLoader loader, bool perClass, AnswerFile? answers, Action<RunRecord> report,
        CancellationToken cancellation)
    {
        long start = Stopwatch.GetTimestamp();
        Evaluator evaluator = Evaluator.Score(predictor.Model, loader, (scores, done) =>
        {
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            report(new ProgressRecord("test", 1, 1, done, loader.BatchesPerEpoch, scores.Loss, scores.Images / seconds,
                loader.WaitTime.TotalSeconds / seconds,
                seconds * (loader.BatchesPerEpoch - done) / done));
        }, cancellation);
        foreach ((_, string reason) in loader.UnreadablePictures) report(new WarningRecord($"{reason} (counted as wrong)"));
        answers?.Write(evaluator, loader.Dataset, predictor.Labels);
        IReadOnlyList<ClassMetrics> metrics = evaluator.Metrics();
        double[]? precisions = perClass ? evaluator.MultiLabel?.PerClass(ApDefinition.Asl) : null;
        ClassResult[]? classes = perClass
            ? [.. evaluator.PerClass.Zip(predictor.Labels,
                (counts, label) => new ClassResult(label, counts.Images, counts.Images == 0 ? null : 100.0 * counts.Right / counts.Images))
                .Select((one, k) => one with { Ap = 100 * precisions?[k], Precision = metrics[k].Precision, Recall = metrics[k].Recall,
                    F1 = metrics[k].F1, Auc = metrics[k].Auc })]
            : null;
        Scores scores = evaluator.Result;
        MacroMetrics macro = MacroMetrics.Of(metrics);
        return new EvalResult(scores.Top1, scores.Top5, scores.Loss, scores.Images, loader.UnreadablePictures.Count,
            Stopwatch.GetElapsedTime(start).TotalSeconds, classes)
        {
            Map = scores.MeanAp,
            MapSklearn = scores.MeanApSklearn,
            Precision = macro.Precision,
            Recall = macro.Recall,
            F1 = macro.F1,
            Auc = macro.Auc,
        };
    }

    private static void Show(Screen screen, EvalResult result, string what, bool json)
    {
        if (json)
        {
            screen.Json(JsonSerializer.Serialize(result, EvalJson.Default.EvalResult));
            return;
        }

        if (result.PerClass is { } classes)
        {
            Table perClass =
                new(["class", $">{what}", .. result.Map is null ? Array.Empty<string>() : [">AP"], ">precision", ">recall", ">F1", ">AUC"]);
            foreach (ClassResult one in classes)
            {
                string[] ap = result.Map is null ? [] : [Format.Percent(one.Ap)];
                perClass.Add([one.Label, Format.Count(one.Images), .. ap, Format.Percent(one.Precision), Format.Percent(one.Recall),
                    Format.Percent(one.F1), Format.Percent(one.Auc)]);
            }

            screen.Write(perClass);
        }

        Table table = new Table("result", ">");
        if (result.Map is not null)
        {
            table.Add("mAP (ASL)", Format.Percent(result.Map));
            table.Add("mAP (scikit-learn)", Format.Percent(result.MapSklearn));
        }

        table.Add("top-1", Format.Percent(result.Top1));
        table.Add("top-5", Format.Percent(result.Top5));
        table.Add("precision, mean of classes", Format.Percent(result.Precision));
        table.Add("recall, mean of classes", Format.Percent(result.Recall));
        table.Add("F1, mean of classes", Format.Percent(result.F1));
        table.Add("AUC, mean of classes", Format.Percent(result.Auc));
        table.Add("loss", result.Loss.ToString("0.0000", CultureInfo.InvariantCulture));
        table.Add(what, Format.Count(result.Images));
        if (result.Unreadable > 0) table.Add("unreadable (wrong)", Format.Count(result.Unreadable));
        table.Add("time", Format.Duration(result.Seconds));
        screen.Write(table);
    }
}

/// <summary>How scores are written for scripts.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(EvalResult))]
internal sealed partial class EvalJson : JsonSerializerContext;
