using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using AdaptFormer.Cli.Output;
using AdaptFormer.Data;
using AdaptFormer.Models;
using AdaptFormer.Training;
using AdaptFormer.Training.Metrics;
using AdaptFormer.Training.Recipes;
using AdaptFormer.Training.Runs;
using Spectre.Console;

namespace AdaptFormer.Cli.Commands;

/// <summary>The outcome of <c>eval</c>.</summary>
/// <param name="Top1">Percent of the pictures that were right.</param>
/// <param name="Top5">Percent with the label among the first five.</param>
/// <param name="Loss">Mean cross-entropy of the readable pictures.</param>
/// <param name="Images">Pictures or clips scored, unreadable ones included: they count as wrong.</param>
/// <param name="Unreadable">Pictures that could not be read.</param>
/// <param name="Seconds">Duration.</param>
/// <param name="PerClass">Scores of each class; null unless asked for.</param>
internal sealed record EvalResult(double Top1, double Top5, double Loss, int Images, int Unreadable, double Seconds, IReadOnlyList<ClassResult>? PerClass)
{
    /// <summary>Mean average precision in percent, in ASL's definition; null where a picture has one class.</summary>
    public double? Map { get; init; }

    /// <summary>The same in scikit-learn's definition, over the classes that occur.</summary>
    public double? MapSklearn { get; init; }
}

/// <summary>The scores of one class.</summary>
/// <param name="Label">Its name.</param>
/// <param name="Images">Readable pictures of it.</param>
/// <param name="Top1">Percent of them that were right; null without pictures.</param>
internal sealed record ClassResult(string Label, int Images, double? Top1)
{
    /// <summary>Average precision in percent, in ASL's definition; null where a picture has one class.</summary>
    public double? Ap { get; init; }
}

/// <summary><c>adaptformer eval</c>: scores a trained model on a data set.</summary>
internal static class EvalCommand
{
    public static Command Create(Screen screen)
    {
        ModelChoice model = new();
        ClipChoice clip = new();
        Option<string> data = new("--data") { Description = "The pictures or clips and their labels; the test data of the recipe if a run is given.", HelpName = "path" };
        Option<string> kind = new("--kind") { Description = $"Layout of the data: {string.Join(", ", DatasetSource.Kinds)}; of clips: {string.Join(", ", ClipSource.Kinds)}; told by what is there if left out." };
        Option<string> labelColumn = new("--label-column") { Description = "Header of the labels in a CSV file, if it is none of the usual ones.", HelpName = "name" };
        Option<string> root = new("--root") { Description = "Clips: the folder that the paths of a list are relative to; that of the list, or the run's, if left out.", HelpName = "folder" };
        Option<int?> batch = new("--batch") { Description = "Pictures per pass through the model, or views of clips; 32 pictures or 4 views if left out.", HelpName = "n" };
        Option<bool> perClass = new("--per-class") { Description = "Show the scores of each class." };
        Option<bool> json = CommonOptions.Json("Print one JSON line.");
        Command command = new("eval", "Score a trained model on a data set.") { data, kind, labelColumn, root, batch, perClass, json };
        model.AddTo(command);
        clip.AddTo(command);
        command.SetAction((parsed, cancellation) => Task.Run(
            () =>
            {
                TestData test = Data(model.Run(parsed), parsed.GetValue(data), parsed.GetValue(kind), parsed.GetValue(root));
                using Predictor predictor = model.Open(parsed, screen);
                ClipViews? views = clip.Views(parsed, predictor.Pictures.Clips, predictor.ReadsClips);
                LabelledDataset dataset = Open(test, predictor, parsed.GetValue(labelColumn));
                DatasetSplits.RequireSameClasses(predictor.Labels, model.Name(parsed), dataset);
                if (dataset.MultiLabel && !predictor.MultiLabel) throw new InvalidDataException($"{dataset.Name} has several classes a picture; {model.Name(parsed)} was trained to give one.");
                using DataLoader loader = dataset is ClipDataset clips
                    ? predictor.Load(clips, parsed.GetValue(batch) ?? 4, views)
                    : predictor.Load((ImageDataset)dataset, parsed.GetValue(batch) ?? 32);
                EvalResult result = RunView.Show(screen, parsed.GetValue(json), report => Score(predictor, loader, parsed.GetValue(perClass), report, cancellation));
                Show(screen, result, predictor.ReadsClips ? "clips" : "pictures", parsed.GetValue(json));
                return 0;
            },
            CancellationToken.None));
        return command;
    }

    private static TestData Data(string? run, string? data, string? kind, string? root)
    {
        if (data is not null) return new TestData(kind ?? DataOptions.Auto, data, root, LeaveOut: false);
        if (run is null) throw new ArgumentException("Which data? Give --data PATH.");
        using RunDirectory directory = RunDirectory.Open(run);
        DataOptions options = directory.ReadRecipe().Data;
        if (options.Test is not { } test) throw new ArgumentException($"The recipe of {run} has no test data; give --data PATH.");
        return new TestData(kind ?? options.Kind, test, root ?? options.Clip.TestRoot ?? options.Clip.Root, options.Missing == MissingItems.LeaveOut);
    }

    private static LabelledDataset Open(TestData test, Predictor predictor, string? labelColumn)
    {
        if (test.Kind != DataOptions.Auto && ClipSource.Kinds.Contains(test.Kind) != predictor.ReadsClips)
            throw new ArgumentException($"--kind {test.Kind} has {(predictor.ReadsClips ? "pictures" : "clips")}, and the model reads {(predictor.ReadsClips ? "clips" : "pictures")}.");
        if (predictor.ReadsClips)
        {
            if (labelColumn is not null) throw new ArgumentException("--label-column is for lists of pictures; a list of clips has the columns clip and label, or class.");
            ClipDataset clips = ClipSource.Open($"{test.Kind}:{test.Path}", test.Root, predictor.Labels, train: false);
            return test.LeaveOut ? DatasetSplits.WithoutMissing(clips) : clips;
        }

        if (test.Root is not null) throw new ArgumentException("--root is for lists of clips; the model reads pictures.");
        if (labelColumn is not null) return ManifestDataset.Open(test.Path, predictor.Labels, labelColumn);
        ImageDataset pictures = DatasetSource.Open($"{test.Kind}:{test.Path}", train: false, predictor.Labels);
        return test.LeaveOut ? DatasetSplits.WithoutMissing(pictures) : pictures;
    }

    private static EvalResult Score(Predictor predictor, DataLoader loader, bool perClass, Action<RunRecord> report, CancellationToken cancellation)
    {
        long start = Stopwatch.GetTimestamp();
        Evaluator evaluator = Evaluator.Score(predictor.Model, loader, (scores, done) =>
        {
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            report(new ProgressRecord("test", 1, 1, done, loader.BatchesPerEpoch, scores.Loss, scores.Images / seconds, loader.WaitTime.TotalSeconds / seconds,
                seconds * (loader.BatchesPerEpoch - done) / done));
        }, cancellation);
        foreach ((_, string reason) in loader.UnreadablePictures) report(new WarningRecord($"{reason} (counted as wrong)"));
        double[]? precisions = perClass ? evaluator.MultiLabel?.PerClass(ApDefinition.Asl) : null;
        ClassResult[]? classes = perClass
            ? [.. evaluator.PerClass.Zip(predictor.Labels, (counts, label) => new ClassResult(label, counts.Images, counts.Images == 0 ? null : 100.0 * counts.Right / counts.Images)).Select((one, k) => one with { Ap = 100 * precisions?[k] })]
            : null;
        Scores scores = evaluator.Result;
        return new EvalResult(scores.Top1, scores.Top5, scores.Loss, scores.Images, loader.UnreadablePictures.Count, Stopwatch.GetElapsedTime(start).TotalSeconds, classes)
        {
            Map = scores.MeanAp,
            MapSklearn = scores.MeanApSklearn,
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
            Table perClass = screen.Table("class", $">{what}", result.Map is null ? ">top-1" : ">AP");
            foreach (ClassResult one in classes) Screen.Row(perClass, one.Label, Format.Count(one.Images), Format.Percent(one.Ap ?? one.Top1));
            screen.Write(perClass);
        }

        Table table = screen.Table("result", ">");
        if (result.Map is not null)
        {
            Screen.Row(table, "mAP (ASL)", Format.Percent(result.Map));
            Screen.Row(table, "mAP (scikit-learn)", Format.Percent(result.MapSklearn));
        }

        Screen.Row(table, "top-1", Format.Percent(result.Top1));
        Screen.Row(table, "top-5", Format.Percent(result.Top5));
        Screen.Row(table, "loss", result.Loss.ToString("0.0000", CultureInfo.InvariantCulture));
        Screen.Row(table, what, Format.Count(result.Images));
        if (result.Unreadable > 0) Screen.Row(table, "unreadable (wrong)", Format.Count(result.Unreadable));
        Screen.Row(table, "time", Format.Duration(result.Seconds));
        screen.Write(table);
    }
}

/// <summary>What is to be scored.</summary>
/// <param name="Kind">Layout.</param>
/// <param name="Path">File or folder.</param>
/// <param name="Root">Folder that the paths of a list of clips are relative to; that of the list if null.</param>
/// <param name="LeaveOut">Whether what is not there is left out, as the run's recipe says, and not counted as wrong.</param>
internal sealed record TestData(string Kind, string Path, string? Root, bool LeaveOut);

/// <summary>How scores are written for scripts.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(EvalResult))]
internal sealed partial class EvalJson : JsonSerializerContext;
