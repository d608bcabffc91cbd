using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using AdaptFormer.Cli.Output;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Export;
using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Onnx;
using AdaptFormer.Peft;
using AdaptFormer.Runs;

namespace AdaptFormer.Cli.Commands;

/// <summary>The outcome of <c>export</c>.</summary>
/// <param name="Path">The file.</param>
/// <param name="Data">The second file with the numbers; null if there is none.</param>
/// <param name="Bytes">Bytes of both.</param>
/// <param name="Nodes">Nodes of the graph.</param>
/// <param name="Opset">The version of the operators.</param>
/// <param name="Input">What is handed in.</param>
/// <param name="Tasks">What it answers.</param>
/// <param name="Runtime">The version of ONNX Runtime that ran the self-test; null where it was not run.</param>
/// <param name="Difference">The largest difference of a logit in the self-test.</param>
internal sealed record ExportResult(
    string Path, string? Data, long Bytes, int Nodes, int Opset, string Input, IReadOnlyList<string> Tasks, string? Runtime,
        double? Difference);

/// <summary><c>adaptformer export</c>: a trained model as ONNX, checked, with the code that runs it.</summary>
internal static class ExportCommand
{
    public static Command Create(Screen screen)
    {
        Argument<string[]> sources = new("source")
        {
            Description = "What was trained: an adapter file, a run directory, or several adapters of one backbone, which become the "
                + "answers of one file. Left out: weights with a classifier of their own.",
            Arity = ArgumentArity.ZeroOrMore,
        };
        Option<string> weights = new("--weights") { Description = "The backbone's weights; a run names them itself.", HelpName = "file" };
        Option<string> output = new("--output") { Description = "The ONNX file to write.", HelpName = "file", Required = true };
        Option<bool> pixels = new("--pixels")
        {
            Description = "Take pictures of bytes of any size: resize, crop and normalisation are in the graph. With --pixels false the "
                + "input is the tensor that the model reads.",
            DefaultValueFactory = _ => true,
        };
        Option<bool> int8 = new("--int8")
        {
            Description = "The backbone's products in 8-bit whole numbers: a quarter of the size, and "
            + "faster on most CPUs."
        };
        Option<bool> float16 = new("--float16") { Description = "Weights in 16 bits, computed with in 32: half the size." };
        Option<bool> external = new("--external")
        {
            Description = "Keep the numbers in a second file, FILE.data; a model above 2 GB "
            + "does so in any case."
        };
        Option<int> opset = new("--opset")
        {
            Description = $"The version of the operators, {OnnxOptions.LeastOpset} to {OnnxOptions.GreatestOpset}.",
            DefaultValueFactory = _ => new OnnxOptions().Opset,
            HelpName = "n",
        };
        Option<bool> features = new("--features") { Description = "Answer the features, too: what the head reads." };
        Option<string> labels = new("--labels")
        {
            Description = "Names of the classes, one a line, for weights without an adapter.",
            HelpName = "file"
        };
        Option<string> model = new Option<string>("--model") { Description = "The id of weights without an adapter." }.OfferModels();
        Option<string> prefix = new("--prefix") { Description = "Which model of a weights file that holds several.", HelpName = "text" };
        Option<bool> json = CommonOptions.Json("Print one JSON line.");
        FileCommand command = new("export", "Write a trained model as ONNX, for ONNX Runtime in C#, JavaScript, Python and elsewhere.")
        {
            sources, weights, output, pixels, int8, float16, external, opset, features, labels, model, prefix, json,
        };
        command.SetAction(parsed =>
        {
            if (parsed.GetValue(int8) && parsed.GetValue(float16)) throw new ArgumentException("export: give one of --int8 and --float16.");
            WeightStorage storage = parsed.GetValue(int8) ? WeightStorage.Int8 : parsed.GetValue(float16)
                ? WeightStorage.Float16 : WeightStorage.Float32;
            OnnxOptions options = new(parsed.GetValue(pixels), storage, parsed.GetValue(external), parsed.GetValue(opset),
                parsed.GetValue(features));
            options.Validate();
            (string path, double? difference) = (parsed.GetValue(output)!, null);
            OnnxReport report = Export();
            Show(screen, report, difference, parsed.GetValue(json));
            return 0;

            OnnxReport Export()
            {
                string[] from = parsed.GetValue(sources) ?? [];
                (string? backbone, string? which) = (parsed.GetValue(weights), parsed.GetValue(prefix));
                if (from.Length > 1) return ExportTasks(from, backbone, which);
                string? source = from.FirstOrDefault();
                bool isRun = Directory.Exists(source);
                if (isRun && backbone is not null)
                    throw new ArgumentException("export: a run names its weights already; leave --weights out.");
                if ((source ?? backbone) is null)
                    throw new ArgumentException("export: which model? Give an adapter with --weights FILE, a run directory, or "
                        + "--weights FILE with a classifier of its own.");
                using Predictor predictor = isRun ? Predictor.OpenRun(source!, Precision.Float32)
                    : source is not null ? Predictor.OpenAdapter(source, backbone, Precision.Float32, which)
                    : OpenPretrained(backbone!, which);
                return OnnxExporter.Save(path, predictor, options, source is null ? null : RunPlace.AdapterAt(source), Check);
            }

            OnnxReport ExportTasks(string[] adapters, string? backbone, string? which)
            {
                if (backbone is null)
                    throw new ArgumentException("export: several adapters need the weights that they share: --weights FILE.");
                AdapterInfo first = AdapterFile.Open(adapters[0]);
                BackboneConfig config = BackboneConfig.FromJson(first.Backbone.Config, first.Path);
                using Backbone opened = BackboneLoader.Open(backbone, new BackboneOptions(
                    first.Backbone.Id, config, config.InputShape[^2], KeepHead: false, Preprocessing: first.Preprocessing, Prefix: which));
                return OnnxExporter.SaveTasks(path, opened, adapters, options, Check);
            }

            Predictor OpenPretrained(string backbone, string? which)
            {
                string[]? names = parsed.GetValue(labels) is { } file
                    ? [.. ListFile.AllLines(file).Select(line => line.Trim()).Where(line => line.Length > 0)] : null;
                Predictor predictor = Predictor.OpenPretrained(backbone, names, parsed.GetValue(model), Precision.Float32, which);
                foreach (string note in predictor.Model.Source?.Report.Notes ?? []) screen.Warn($"{backbone}: {note}.");
                return predictor;
            }

            void Check(string written)
            {
                if (!OnnxRuntimeLibrary.IsAvailable) return;
                using OnnxModel exported = OnnxModel.Open(written);
                difference = exported.CheckAnswer();
            }
        });
        return command;
    }

    private static void Show(Screen screen, OnnxReport report, double? difference, bool json)
    {
        OnnxCard card = report.Card;
        if (json)
        {
            ExportResult result = new(report.Path, report.DataPath, report.Bytes, report.Nodes, report.Opset, card.Input,
                [.. card.Tasks.Select(task => task.Output)], difference is null ? null : OnnxRuntimeLibrary.Version, difference);
            screen.Json(JsonSerializer.Serialize(result, ExportJson.Default.ExportResult));
            return;
        }

        string second = report.DataPath is { } data ? $", with its numbers in {data}: keep both together" : "";
        screen.Line($"{report.Path}: {card.Model}, {Format.Bytes(report.Bytes)}, {Format.Count(report.Nodes)} nodes, opset "
            + $"{report.Opset}{second}");
        screen.Line($"Input '{card.Input}' [{string.Join(", ", InputAxes(card))}]: {InputWords(card)}");
        foreach (OnnxTaskCard task in card.Tasks)
        {
            string rest = task.Labels.Count > 6 ? $" and {task.Labels.Count - 6} more" : "";
            string how = task.MultiLabel ? "a sigmoid each" : "softmax";
            screen.Line($"Output '{task.Output}' [batch, {task.Labels.Count}]: {how} gives the probabilities of "
                + $"{string.Join(", ", task.Labels.Take(6))}{rest}");
        }

        if (difference is { } worst)
        {
            string digits = string.Create(CultureInfo.InvariantCulture, $"{worst:0.0e0} (allowed {card.SelfTest.Tolerance:0.0e0})");
            screen.Line($"Checked in ONNX Runtime {OnnxRuntimeLibrary.Version}: logits differ from the model's by at most {digits}.");
        }
        else screen.Warn("ONNX Runtime's native library is not here, so only the file's structure was checked; the self-test lies in "
            + "the file.");
        if (card.Preprocessing.Clips is { Crops: > 1 } && card.Input == OnnxNames.Clip)
            screen.Warn("this model is scored at three places of each frame; the graph sees the middle one.");
        foreach ((string language, string code) in (ReadOnlySpan<(string, string)>)[("C#", ReadyCode.CSharp(report)),
            ("JavaScript", ReadyCode.JavaScript(report)), ("Python", ReadyCode.Python(report))])
        {
            screen.Line("");
            screen.Line($"{language}:");
            foreach (string line in code.Split('\n')) screen.Code($"  {line}");
        }
    }

    private static IEnumerable<string> InputAxes(OnnxCard card) => card.Input switch
    {
        OnnxNames.Image => ["batch", "height", "width", "3"],
        OnnxNames.Clip => ["batch", $"{card.SelfTest.Shape[1]}", "height", "width", "3"],
        _ => ["batch", .. card.SelfTest.Shape.Skip(1).Select(axis => $"{axis}")],
    };

    private static string InputWords(OnnxCard card) => card.Input == OnnxNames.Pixels
        ? $"f32, prepared: {card.Preprocessing}"
        : $"RGB bytes of any size; prepared in the graph: {card.Preprocessing}. {card.Orientation}";
}

/// <summary>How it is written for scripts.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ExportResult))]
internal sealed partial class ExportJson : JsonSerializerContext;
