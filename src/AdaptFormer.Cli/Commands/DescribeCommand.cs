using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using AdaptFormer.Cli.Output;
using AdaptFormer.Cuda;
using AdaptFormer.Models;
using AdaptFormer.Peft;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Training;

namespace AdaptFormer.Cli.Commands;

/// <summary><c>adaptformer describe</c>: a recipe, a model or an adapter in figures, before anything is computed.</summary>
internal static class DescribeCommand
{
    private const int DefaultClasses = 100, DefaultBatch = 16;

    public static Command Create(Screen screen)
    {
        Argument<string?> recipe = new("recipe")
        { Description = "A recipe file, or the name of one that comes with the program.", Arity = ArgumentArity.ZeroOrOne };
        Option<string[]> set = new("--set")
        {
            Description = "Change a key of the recipe; with --model, of model or tuning, for example tuning.bottleneck=16.",
            HelpName = "key=value",
        };
        Option<string> model = new("--model")
        { Description = "Describe a model by its id instead of a recipe, for example vit_base_patch16_224.", HelpName = "id" };
        Option<string> preset = new("--preset") { Description = $"The method with --model: {Choices}.", HelpName = "name" };
        Option<string> adapter = new("--adapter")
        { Description = "Describe an adapter file, or that of a run directory; its backbone is not needed.", HelpName = "file" };
        Option<int?> classes = new("--classes") { Description = $"Number of classes; {DefaultClasses} if left out.", HelpName = "n" };
        Option<int?> batch = new("--batch")
        { Description = $"Images per step; the recipe's, or {DefaultBatch}; 32 with --latency.", HelpName = "n" };
        LatencyChoice latency = new();
        Option<string> device = DeviceChoice.Asked("Tell what memory of an NVIDIA card is needed (cuda); no card need be there.");
        Option<bool> json = CommonOptions.Json("Print one JSON object.");
        recipe.OfferRecipes();
        model.OfferModels();
        preset.Offer(Suggestions.MethodsAndPresets, "name");
        Command command = new("describe", "Show the formula in use, parameters, multiply-adds, file size, and predicted memory and "
            + "time.") { recipe, set, model, preset, adapter, classes, batch, device };
        latency.AddTo(command);
        command.Add(json);
        command.SetAction((parsed, cancellation) => Task.Run(() => Run(parsed, cancellation), CancellationToken.None));
        return command;

        int Run(ParseResult parsed, CancellationToken cancellation)
        {
            string?[] given = [parsed.GetValue(recipe), parsed.GetValue(model), parsed.GetValue(adapter)];
            if (given.Count(text => text is not null) != 1)
                throw new ArgumentException("describe: give one of a recipe, --model ID or --adapter FILE.");
            if (parsed.GetValue(classes) is < 1 || parsed.GetValue(batch) is < 1)
                throw new ArgumentException("describe: --classes and --batch must be at least 1.");
            bool measure = latency.IsWanted(parsed);
            bool ofCard = parsed.GetValue(device) is { } text && DeviceChoice.OrdinalOf(text) is not null;
            using Subject subject = given[0] is { } path ? OfRecipe(path, parsed.GetValue(set) ?? [])
                : given[1] is { } id ? OfModel(id, parsed.GetValue(preset) ?? "official-image", parsed.GetValue(set) ?? [])
                : OfAdapter(RunPlace.AdapterAt(given[2]!));
            int k = parsed.GetValue(classes) ?? subject.Adapter?.Labels.Count ?? DefaultClasses;
            if (measure)
            {
                latency.Show(parsed, screen, subject.Model, subject.Tuning, name => OfName(name, "--methods"), k, parsed.GetValue(batch),
                    parsed.GetValue(json), cancellation);
                return 0;
            }

            Description description =
                Description.Of(subject.Model, subject.Tuning, k, parsed.GetValue(batch) ?? subject.Batch, subject.Adapter,
                    subject.Recipe?.Recompute == Recomputation.Blocks);
            if (ofCard) description = description with { Card = OfCard(subject, k, parsed.GetValue(batch) ?? subject.Batch) };
            if (parsed.GetValue(json)) screen.Json(JsonSerializer.Serialize(description, DescriptionJson.Default.Description));
            else Show(screen, description);
            return 0;
        }
    }

    private static Subject OfRecipe(string path, string[] overrides)
    {
        Recipe recipe = Recipe.Load(RecipeFiles.Find(path), overrides);
        Backbone model = RecipeBackbone.Sizes(recipe.Model).Create(recipe.Model.Name, recipe.Precision.Compute());
        return new Subject(model, recipe.Tuning, recipe.Batch, null, recipe);
    }

    private static string Choices => string.Join(", ", AdaptFormerTuning.Presets.Keys.Concat(Tuning.Methods));

    // A recipe without data: its edits, checks and messages are those of any other.
    private static Subject OfModel(string id, string preset, string[] overrides)
    {
        bool isPreset = AdaptFormerTuning.Presets.ContainsKey(preset);
        OfName(preset, "--preset");
        JsonObject recipe = new()
        {
            ["model"] = new JsonObject { ["name"] = id, ["weights"] = null },
            ["tuning"] = new JsonObject { [isPreset ? "preset" : "method"] = preset },
            ["data"] = new JsonObject { ["train"] = "none" },
        };
        Recipe parsed = Recipe.Parse(recipe.ToJsonString(), "describe", overrides);
        return new Subject(
            RecipeBackbone.Sizes(parsed.Model).Create(id, parsed.Precision.Compute()), parsed.Tuning, DefaultBatch, null, parsed);
    }

    private static Tuning OfName(string name, string option) =>
        AdaptFormerTuning.Presets.TryGetValue(name, out AdaptFormerTuning? preset) ? preset
        : Tuning.Methods.Contains(name) ? Tuning.Default(name)
        : throw new ArgumentException($"{option} '{name}' is not known; known: {Choices}.");

    private static Subject OfAdapter(string path)
    {
        AdapterInfo info = AdapterFile.Open(path);
        Backbone model = BackboneConfig.FromJson(info.Backbone.Config, path).Create(info.Backbone.Id, Precision.Auto.Compute());
        return new Subject(model, info.Tuning, DefaultBatch, info);
    }

    private static void Show(Screen screen, Description d)
    {
        screen.Line($"{d.Model}, {d.Method}, {d.Classes} classes");
        screen.Line($"Formula: {d.Formula}");
        if (d.Preprocessing is { } pictures) screen.Line($"Pictures: {pictures}");
        if (d.BackboneDigest is { } digest) screen.Line($"Backbone: {digest}");
        if (d.Labels is { } labels)
            screen.Line($"Labels: {string.Join(", ", labels.Take(12))}{(labels.Count > 12 ? $" and {labels.Count - 12} more" : "")}");
        foreach ((string name, double value) in d.Metrics ?? new Dictionary<string, double>())
            screen.Line(string.Create(CultureInfo.InvariantCulture, $"{name}: {value:0.####}"));
        screen.Line("");

        Table parts = new Table("part", ">parameters", ">trainable");
        foreach (DescribedPart part in d.Parts) parts.Add(part.Part, Format.Count(part.Parameters), Format.Count(part.Trainable));
        parts.Add("total", Format.Count(d.Parameters),
            $"{Format.Count(d.TrainableParameters)} ({Format.Share(d.TrainableParameters, d.Parameters)})");
        screen.Write(parts);
        screen.Line($"Multiply-adds per image: {Format.Macs(d.Macs)} ({Format.Macs(d.FvcoreMacs)} as fvcore counts). Adapter file: "
            + $"{Format.Bytes(d.AdapterBytes)}.");
        screen.Line("");

        Table costs = new Table("predicted here", ">batch", ">multiply-adds per image", ">memory", ">images/s at most");
        foreach ((string name, DescribedCost cost) in ((string, DescribedCost)[])[("predict", d.Predict), ("train", d.Train)])
            costs.Add(name, $"{cost.Batch}", Format.Macs(cost.MacsPerImage), Format.Bytes(cost.PeakBytes),
                string.Create(CultureInfo.InvariantCulture, $"{1 / cost.SecondsPerImage:0.0}"));
        screen.Write(costs);
        screen.Line(string.Create(CultureInfo.InvariantCulture,
            $"The time is that of the matrix products alone, at the {d.GflopsPerSecond:0} GFLOP/s measured now in {d.Precision}."));
        if (d.Card is not { } card) return;
        screen.Line($"Memory of an NVIDIA card: {Format.Bytes(card.PredictBytes)} to predict, {Format.Bytes(card.TrainBytes)} to train, "
            + $"{Format.Bytes(card.CodeBytes)} of each estimated for the code of driver and libraries"
            + $"{(card.CardBytes is { } all ? $"; the first card here has {Format.Bytes(all)}" : "")}.");
    }

    // On a card what the recipe leaves open is bf16, whatever this machine's CPU would choose.
    private static DescribedCard OfCard(Subject subject, int classes, int batch)
    {
        Backbone Create() => subject.Model.Config.Create(subject.Model.Id, (subject.Recipe?.Precision ?? Precision.Auto).Compute());
        long train = subject.Recipe is { } recipe ? DeviceMemory.Training(recipe with { Batch = batch }, classes)
            : DeviceMemory.Training(Create, subject.Tuning, classes, batch);
        return new DescribedCard(
            DeviceMemory.Predicting(Create, subject.Tuning, classes, batch), train, DeviceMemory.CodeBytes,
            CudaDevice.Probe().Cards is [{ } card, ..] ? card.MemoryBytes : null);
    }

    private sealed record Subject(Backbone Model, Tuning Tuning, int Batch, AdapterInfo? Adapter, Recipe? Recipe = null) : IDisposable
    {
        public void Dispose() => Model.Dispose();
    }
}
