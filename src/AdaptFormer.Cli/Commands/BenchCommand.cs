using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using AdaptFormer.Cli.Output;
using AdaptFormer.Experiments.Benchmarking;
using AdaptFormer.Peft;
using AdaptFormer.Runs.Recipes;

namespace AdaptFormer.Cli.Commands;

/// <summary><c>adaptformer bench</c>: images per second and memory on this machine, and how close that is to its limit.</summary>
internal static class BenchCommand
{
    private const string Train = "train", Predict = "predict", Int8 = "int8";
    private static readonly string[] Precisions = ["auto", "bfloat16", "float32", Int8];

    // Options are edits of this recipe, so that they are checked and explained as a recipe's keys are. Its data are never read.
    private const string Base =
        """
        {
          "model": { "name": "vit_base_patch16_224", "weights": null }, "tuning": { "method": "adaptformer" },
          "data": { "train": "random" }, "batch": 16
        }
        """;

    public static Command Create(Screen screen)
    {
        Option<string> model = new("--model") { Description = "The backbone's id; vit_base_patch16_224 if left out." };
        Option<string> method = new("--method") { Description = $"The method: {string.Join(", ", Tuning.Methods)}." };
        Option<string> layers = new("--layers") { Description = "Blocks that get an adapter, for example 7-12.", HelpName = "blocks" };
        Option<int> batch = new("--batch") { Description = "Pictures per step; 16 if left out.", HelpName = "n" };
        Option<string> precision = new("--precision") { Description = "float32, bfloat16 or auto; int8 with --modes predict." };
        Option<int> size = new("--image-size") { Description = "Side of the pictures, in pixels; the model's own if left out." };
        Option<string> weights = new("--weights")
        { Description = "A weights file; random numbers if left out, which are as fast.", HelpName = "file" };
        Option<string[]> set = new("--set")
        { Description = "Any other key of a recipe, for example --set tuning.bottleneck=8.", HelpName = "key=value" };
        Option<string[]> modes = new("--modes")
        {
            Description = "What to measure: train, predict, or both.",
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => [Train, Predict],
        };
        modes.AcceptOnlyFromAmong(Train, Predict);
        Option<double> seconds = new("--seconds")
        { Description = "Time for each measurement, after warm-up.", DefaultValueFactory = _ => 8 };
        Option<string> against = new("--against")
        { Description = "A method to measure in turns with the first: full, linear, …", HelpName = "method" };
        Option<bool> kept = new("--kept")
        { Description = "Train from kept results of the frozen first blocks, as with a run's cache of them." };
        Option<bool> profile = new("--profile") { Description = "Show where the time of a step goes." };
        Option<string> loading = new("--loading")
        { Description = "Measure instead how fast one core reads the pictures of a folder, or data as kind:path.", HelpName = "folder" };
        Option<string> cache = new("--cache")
        { Description = "With --loading: a cache of these data, which the training transform then reads.", HelpName = "folder" };
        Option<bool> json = CommonOptions.Json("Print one JSON line.");
        model.OfferModels();
        method.Offer(Tuning.Methods, "method");
        against.Offer(Tuning.Methods, "method");
        precision.Offer(Precisions, "type");
        Command command = new("bench", "Measure images per second and memory on this machine.")
            { model, method, layers, batch, precision, size, weights, set, modes, seconds, against, kept, profile, loading, cache, json };
        command.SetAction(parsed =>
        {
            TimeSpan duration = TimeSpan.FromSeconds(Math.Clamp(parsed.GetValue(seconds), 0, 3600));
            if (parsed.GetValue(loading) is { } folder)
                return Show(screen, LoadingBenchmark.Run(folder, duration, parsed.GetValue(cache)), parsed.GetValue(json));

            (Option Option, string Key)[] keys =
                [(model, "model.name"), (method, "tuning.method"), (layers, "tuning.layers"), (batch, "batch"), (precision, "precision"),
                    (size, "model.image_size"), (weights, "model.weights")];
            IEnumerable<string> edits = keys.Where(k => parsed.GetResult(k.Option) is not null)
                .Select(k => (k.Key, parsed.GetResult(k.Option)!.Tokens[^1].Value))
                .Select(k => $"{k.Key}={(k is { Key: "precision", Value: Int8 } ? "float32" : k.Value)}");
            Recipe recipe = Recipe.Parse(Base, "bench", [.. edits, .. parsed.GetValue(set) ?? []]);
            Recipe? other = parsed.GetValue(against) is { } name ? Recipe.Parse(Base, "bench --against", [$"tuning.method={name}"]) : null;
            string[] wanted = parsed.GetValue(modes)!;
            BenchmarkResult result = Benchmark.Run(
                new BenchmarkOptions(recipe, wanted.Contains(Train), wanted.Contains(Predict), duration, parsed.GetValue(profile), other,
                    parsed.GetValue(kept), Int8: parsed.GetValue(precision) == Int8));
            return Show(screen, result, parsed.GetValue(json));
        });
        DeviceChoice.AddTo(command);
        return command;
    }

    private static int Show(Screen screen, BenchmarkResult result, bool json)
    {
        if (json)
        {
            screen.Json(JsonSerializer.Serialize(result, BenchJson.Default.BenchmarkResult));
            return 0;
        }

        string layers = result.Layers is { } blocks and not "all" ? $" on blocks {blocks}" : "";
        screen.Line($"{result.Method}{layers}, {result.Model}, {result.ImageSize} px, batch {result.Batch}, {result.Precision} on "
            + $"{result.Backend} with {result.Threads} threads");
        Table table = new Table("", ">images/s", ">GFLOP an image", ">GFLOP/s", ">of the limit");
        Row(table, Train, result.TrainImagesPerS, result.TrainGflopPerImage, result.ShareOfMatmulLimit);
        Row(table, Predict, result.PredictImagesPerS, result.PredictGflopPerImage, result.PredictShareOfMatmulLimit);
        screen.Write(table);
        string products = result.Precision == Int8 ? "float32" : result.Precision;
        screen.Line(Text($"limit: {result.MatmulGflops:0} GFLOP/s, matrix products of a ViT-B block in {products}; ")
            + $"peak memory: {Format.Bytes(result.PeakRssBytes)}"
            + $"{(result.DeviceBytes is { } card ? $", {Format.Bytes(card)} of the card's" : "")}");
        if (result.Against is { } against)
        {
            string[] ratios = [.. new[] { (Train, result.TrainTimeRatio),
                (Predict, result.PredictTimeRatio) }.Where(m => m.Item2 is not null).Select(m => Text($"{m.Item2:0.000} to {m.Item1}"))];
            screen.Line($"time of {result.Method} divided by that of {against}, step by step in turns: {string.Join(", ", ratios)}; the "
                + "memory is that of both");
        }

        ShowProfile(screen, Train, result.TrainProfile);
        ShowProfile(screen, Predict, result.PredictProfile);
        return 0;
    }

    private static void Row(Table table, string name, double? rate, double? gflop, double? share)
    {
        if (rate is { } r && gflop is { } work)
            table.Add(name, Text($"{r:0.00}"), Text($"{work:G3}"), Text($"{r * work:0}"), share is { } s ? Text($"{100 * s:0.0} %") : "");
    }

    private static void ShowProfile(Screen screen, string name, IReadOnlyList<ProfileLine>? lines)
    {
        if (lines is null) return;
        screen.Line("");
        Table table = new Table($"{name}: call", ">calls", ">ms a step", ">share", ">GFLOP/s");
        foreach (ProfileLine line in lines)
            table.Add(line.Call, Text($"{line.Calls:0.#}"), Text($"{line.Milliseconds:0.0}"), Text($"{100 * line.Share:0.0} %"),
                line.Gflops is { } rate ? Text($"{rate:0}") : "");
        screen.Write(table);
    }

    private static int Show(Screen screen, LoadingResult result, bool json)
    {
        if (json) screen.Json(JsonSerializer.Serialize(result, BenchJson.Default.LoadingResult));
        else screen.Line(
            Text($"{result.ImagesPerSPerCore:0} pictures a second on one core to evaluate, {result.TrainImagesPerSPerCore:0} to train: ")
            + $"decode, resize, crop, normalise ({result.Images} pictures, {result.Passes} passes); "
            + $"peak memory: {Format.Bytes(result.PeakRssBytes)}");
        return 0;
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}

/// <summary>How measurements are written for scripts.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(BenchmarkResult))]
[JsonSerializable(typeof(LoadingResult))]
internal sealed partial class BenchJson : JsonSerializerContext;
