using System.CommandLine;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using AdaptFormer.Cli.Output;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Onnx;

namespace AdaptFormer.Cli.Commands;

/// <summary><c>adaptformer predict</c>: names what is on pictures or in clips. One that cannot be read is reported, and the others still
/// get their answer.</summary>
internal static class PredictCommand
{
    private const string OwnRuntime = "own", OnnxRuntime = "onnx";
    private static readonly PredictJson Json =
        new(new JsonSerializerOptions(PredictJson.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    public static Command Create(Screen screen)
    {
        ModelChoice model = new();
        ClipChoice clip = new();
        Argument<string[]> pictures = new("pictures")
        {
            Description = "Image files, and folders whose images are all taken; for a "
            + "model that reads clips video files, folders of frames, and folders of either.",
            Arity = ArgumentArity.OneOrMore
        };
        Option<int> topK = new("--top-k") { Description = "How many classes to name for each picture.", DefaultValueFactory = _ => 5 };
        Option<double?> threshold = new("--threshold")
        {
            Description = "Least probability of a class that is named, in [0, 1]; 0.5 "
            + "where a picture may have several classes, else 0.",
            HelpName = "p"
        };
        Option<int?> batch = new("--batch")
        {
            Description = "Pictures per pass through the model, or views of clips; 16 pictures or 4 "
            + "views if left out.",
            HelpName = "n"
        };
        Option<string> output = new("--output")
        {
            Description = "Write the predictions to a file, as CSV or JSON Lines by the name's "
            + "ending, and not to the screen.",
            HelpName = "file"
        };
        Option<string> runtime = new("--runtime")
        {
            Description = "What computes: own, or onnx, which runs an exported file (--weights task.onnx) in ONNX Runtime.",
            DefaultValueFactory = _ => OwnRuntime,
            HelpName = "own|onnx",
        };
        Option<string> task = new("--task") { Description = "Which task of an exported file that answers several.", HelpName = "name" };
        Option<bool> json = CommonOptions.Json("Print one JSON line for each picture or clip.");
        runtime.Offer([OwnRuntime, OnnxRuntime], "own|onnx");
        Command command = new("predict", "Name what is on pictures or in clips.")
        {
            pictures, topK, threshold, batch, output, runtime, task, json,
        };
        model.AddTo(command);
        clip.AddTo(command);
        command.SetAction(parsed =>
        {
            if (parsed.GetValue(topK) < 1) throw new ArgumentException($"--top-k is {parsed.GetValue(topK)}; expected at least 1.");
            if (parsed.GetValue(batch) < 1) throw new ArgumentException($"--batch is {parsed.GetValue(batch)}; expected at least 1.");
            if (parsed.GetValue(threshold) is { } least && least is not (>= 0 and <= 1))
                throw new ArgumentException($"--threshold is {least}; expected a number in [0, 1].");
            int most = parsed.GetValue(topK);
            PredictionFile? file = parsed.GetValue(output) is { } path
                ? new PredictionFile(path, "--output", [
                    "path", .. Enumerable.Range(1, most).SelectMany(rank => (string[])[$"class_{rank}", $"probability_{rank}"]), "error",
                ])
                : null;
            IReadOnlyList<string> paths = PathPatterns.Expand(parsed.GetValue(pictures)!);
            UnlabelledDataset.RequireAll(paths);
            if (IsOnnx(parsed.GetValue(runtime)!))
            {
                using OnnxPredictor exported = OnnxPredictor.Open(model.OnnxFile(parsed), parsed.GetValue(task));
                UnlabelledDataset given = UnlabelledDataset.Of(paths, exported.ReadsClips);
                return Finish(exported.Predict(given, most, parsed.GetValue(threshold)), given.Things[..^1]);
            }

            if (parsed.GetValue(task) is not null) throw new ArgumentException("--task goes with --runtime onnx.");
            using Predictor predictor = model.Open(parsed, screen);
            ClipViews? views = clip.Views(parsed, predictor.Pictures.Clips, predictor.ReadsClips);
            UnlabelledDataset items = UnlabelledDataset.Of(paths, predictor.ReadsClips);
            return Finish(predictor.Predict(items, most, parsed.GetValue(batch), parsed.GetValue(threshold), views), items.Things[..^1]);

            int Finish(IEnumerable<Prediction> found, string what) => file is null
                ? Show(screen, found, what, parsed.GetValue(json))
                : Write(screen, found, file, most, parsed.GetValue(output)!, what, parsed.GetValue(json));
        });
        DeviceChoice.AddTo(command);
        return command;
    }

    private static bool IsOnnx(string runtime) => runtime switch
    {
        OwnRuntime => false,
        OnnxRuntime => true,
        _ => throw new ArgumentException($"--runtime '{runtime}' is not known; known: {OwnRuntime}, {OnnxRuntime}."),
    };

    private static int Show(Screen screen, IEnumerable<Prediction> predictions, string what, bool json)
    {
        int unreadable = 0;
        Table table = new Table(what, "class", ">probability");
        foreach (Prediction prediction in predictions)
        {
            if (prediction.Error is { } error)
            {
                unreadable++;
                screen.Error(error);
            }

            if (json) screen.Json(JsonSerializer.Serialize(prediction, Json.Prediction));
            else AddTo(table, prediction);
        }

        if (!json && table.Count > 0) screen.Write(table);
        return unreadable == 0 ? 0 : Failure.FailedRun;
    }

    private static int Write(Screen screen, IEnumerable<Prediction> predictions, PredictionFile file, int most, string path, string what,
        bool json)
    {
        int unreadable = 0;
        foreach (Prediction prediction in predictions)
        {
            if (prediction.Error is { } error)
            {
                unreadable++;
                screen.Error(error);
            }

            string line = JsonSerializer.Serialize(prediction, Json.Prediction);
            if (json) screen.Json(line);
            IEnumerable<string?> classes = Enumerable.Range(0, most).SelectMany(rank => rank < prediction.Classes.Count
                ? (string?[])[prediction.Classes[rank].Label, Digits(prediction.Classes[rank].Probability)]
                : [null, null]);
            file.Add(line, [prediction.Path, .. classes, prediction.Error]);
        }

        file.Save();
        string left = unreadable > 0 ? $", {Format.Count(unreadable)} of them unreadable" : "";
        if (!json) screen.Line($"{path}: {Format.Count(file.Count)} {what}s{left}");
        return unreadable == 0 ? 0 : Failure.FailedRun;
    }

    private static string Digits(double probability) => probability.ToString("0.######", CultureInfo.InvariantCulture);

    private static void AddTo(Table table, Prediction prediction)
    {
        string path = prediction.Path;
        if (prediction is { Classes: [], Error: null }) table.Add(path, "(none)", "");
        foreach (ClassScore score in prediction.Classes)
        {
            table.Add(path, score.Label, string.Create(CultureInfo.InvariantCulture, $"{100 * score.Probability:0.00} %"));
            path = "";
        }
    }
}

/// <summary>How predictions are written for scripts.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Prediction))]
internal sealed partial class PredictJson : JsonSerializerContext;
