using System.Text.Json;
using AdaptFormer.Models;
using AdaptFormer.Training;
using AdaptFormer.Training.Optimizers;
using AdaptFormer.Training.Schedules;

namespace AdaptFormer.Runs.Recipes;

/// <summary>The pre-training of a backbone by masking, as one JSON file: what <c>adaptformer pretrain</c> carries out.</summary>
/// <param name="Model">The encoder; <c>weights</c> is null for random numbers, or a checkpoint of MAE with its decoder to go on
/// from.</param>
/// <param name="Data">Pictures, or clips for an encoder that reads clips; their labels are not read, and a folder may hold them in any
/// order.</param>
/// <param name="Pretraining">Mask and decoder; MAE's when left out.</param>
/// <param name="Epochs">Passes over the pictures, at least 1.</param>
/// <param name="Batch">Pictures per pass through the model, at least 1.</param>
/// <param name="Seed">Names every random stream of the run.</param>
/// <param name="Precision">Type of the matrix products' inputs.</param>
/// <param name="Optimizer">AdamW with β 0.9 and 0.95, base rate 1.5e-4 and decay 0.05 of matrices when left out, as in MAE.</param>
/// <param name="Schedule">Half a cosine after a warm-up over a twentieth of the epochs when left out, as in MAE.</param>
/// <param name="Workers">Threads that decode and transform pictures; 0 lets the program choose.</param>
/// <param name="SaveEvery">Epochs between two savings of weights and state, at least 1; the last epoch is always saved.</param>
/// <param name="Accumulate">Batches per optimizer step, of all processes together, at least 1.</param>
/// <param name="Save">Checkpoints within an epoch; none when left out.</param>
/// <param name="Cluster">How several processes train together.</param>
/// <param name="Recompute">What the backward pass computes once more instead of keeping it: less memory for more time.</param>
public sealed record PretrainRecipe(
    ModelOptions Model,
    DataOptions Data,
    PretrainingOptions? Pretraining = null,
    int Epochs = 400,
    int Batch = 64,
    long Seed = 0,
    Precision Precision = Precision.Auto,
    OptimizerOptions? Optimizer = null,
    Schedule? Schedule = null,
    int Workers = 0,
    int SaveEvery = 1,
    int Accumulate = 1,
    SaveOptions? Save = null,
    ClusterOptions? Cluster = null,
    Recomputation Recompute = Recomputation.None)
{
    /// <summary>Checkpoints within an epoch, never null.</summary>
    public SaveOptions Save { get; init; } = Save ?? new SaveOptions();

    /// <summary>How several processes train together, never null.</summary>
    public ClusterOptions Cluster { get; init; } = Cluster ?? new ClusterOptions();

    /// <summary>Mask and decoder, never null.</summary>
    public PretrainingOptions Pretraining { get; init; } = Pretraining ?? new PretrainingOptions();

    /// <summary>The optimizer's settings, never null.</summary>
    public OptimizerOptions Optimizer { get; init; } = Optimizer
        ?? new AdamWOptions(BaseLr: 1.5e-4, WeightDecay: 0.05, DecayVectors: false, Beta2: 0.95);

    /// <summary>The learning rate's course, never null.</summary>
    public Schedule Schedule { get; init; } = Schedule ?? new CosineSchedule(WarmupEpochs: Epochs / 20.0);

    /// <summary>Whether a file is a recipe of pre-training and not one of fine-tuning, which has a <c>tuning</c>.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static bool IsPretrain(string path)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(RecipeText.Read(path), RecipeText.Options);
            JsonElement root = document.RootElement;
            return root.ValueKind == JsonValueKind.Object && root.TryGetProperty("model", out _) && !root.TryGetProperty("tuning", out _);
        }
        catch (JsonException)
        {
            return false;       // reading it as a recipe says what is wrong
        }
    }

    /// <summary>Reads a recipe file strictly; see <see cref="Recipe.Load"/>.</summary>
    /// <param name="path">The file.</param>
    /// <param name="overrides">Edits such as <c>pretraining.mask_ratio=0.6</c>.</param>
    /// <exception cref="RecipeException">The recipe is not valid; all problems are listed.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static PretrainRecipe Load(string path, IEnumerable<string>? overrides = null) =>
        RecipeReader.Load(path, overrides ?? [], JsonKinds.Info<PretrainRecipe>(RecipeJson.Default), recipe => recipe.Problems());

    /// <summary>The recipe with every key written out.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, JsonKinds.Info<PretrainRecipe>(RecipeJson.Default));

    internal List<string> Problems()
    {
        List<string> problems = [];
        RecipeCheck check = new("", problems);
        RecipeSteps.Check(check, Epochs, Precision, Batch, Accumulate, Workers);
        Save.Check(check.At("save"));
        Cluster.Check(check.At("cluster"));
        check.Require(SaveEvery >= 1, "save_every", SaveEvery, "a whole number of at least 1");
        const string Nothing = "none: pre-training scores nothing";
        check.Require(Data.Test is null, "data.test", Data.Test, Nothing);
        check.Require(Data.Validation is null, "data.validation", Data.Validation, Nothing);
        check.Require(Data.ValidationFraction == 0, "data.validation_fraction", Data.ValidationFraction, Nothing);
        Model.Check(check.At("model"));
        Data.Check(check.At("data"));
        Pretraining.Check(check.At("pretraining"));
        Optimizer.Check(check.At("optimizer"));
        Schedule.Check(check.At("schedule"));
        return problems;
    }
}
