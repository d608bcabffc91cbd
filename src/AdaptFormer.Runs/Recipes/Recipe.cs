using System.Text.Json;
using AdaptFormer.Models;
using AdaptFormer.Peft;
using AdaptFormer.Training;
using AdaptFormer.Training.Optimizers;
using AdaptFormer.Training.Schedules;

namespace AdaptFormer.Runs.Recipes;

/// <summary>
/// An experiment as one record, and one JSON file: which model, tuned how, on what data, for how long. Keys are the property
/// names in snake_case. Positional parameters on purpose: their defaults hold when the file leaves a key out.
/// </summary>
/// <param name="Model">The backbone and its weights.</param>
/// <param name="Tuning">What trains: the method, named by <c>tuning.method</c>, with its own options.</param>
/// <param name="Data">Training and test data and how pictures become tensors.</param>
/// <param name="Epochs">Passes over the training data, at least 1.</param>
/// <param name="Batch">Pictures per pass through the model, at least 1.</param>
/// <param name="Accumulate">Batches per optimizer step, at least 1.</param>
/// <param name="Seed">Names every random stream of the run.</param>
/// <param name="Precision">Storage of frozen weights and matmul inputs.</param>
/// <param name="Optimizer">SGD with momentum when left out.</param>
/// <param name="Schedule">Half a cosine without warm-up when left out.</param>
/// <param name="Loss">Plain cross-entropy when left out.</param>
/// <param name="Workers">Threads that decode and transform pictures; 0 lets the program choose.</param>
/// <param name="EvaluateEvery">Epochs between two evaluations, at least 1; the last epoch is always evaluated.</param>
/// <param name="Cache">Whether the work of frozen layers is kept; it is not when left out.</param>
/// <param name="ClipNorm">Longest gradient, all parameters as one vector, that a step sees, above 0; null for any.</param>
/// <param name="EmaDecay">Decay of the moving average of what trains, in [0, 1): it is evaluated and saved in place of the last values. 0
/// for none.</param>
/// <param name="LayerDecay">Factor of the learning rate from one block to the one before it, in (0, 1]; null for one rate.</param>
/// <param name="Checkpoints">Whether each epoch leaves what <c>train --resume</c> needs.</param>
/// <param name="Mix">How training batches are mixed; not at all when left out.</param>
/// <param name="Tensorboard">Whether the run leaves what TensorBoard reads.</param>
/// <param name="AccumulateRest">What becomes of the last batches of an epoch that <paramref name="Accumulate"/> does not divide.</param>
/// <param name="EarlyStopping">Epochs without a better score on the validation data after which training ends, at least 1; null for
/// never.</param>
/// <param name="From">An adapter file of the same method whose values training starts from; null for fresh ones.</param>
/// <param name="Save">Checkpoints within an epoch; none when left out.</param>
/// <param name="Cluster">How several processes train together.</param>
/// <param name="Recompute">What the backward pass computes once more instead of keeping it: less memory for more time.</param>
public sealed record Recipe(
    ModelOptions Model,
    Tuning Tuning,
    DataOptions Data,
    int Epochs = 100,
    int Batch = 64,
    int Accumulate = 1,
    long Seed = 0,
    Precision Precision = Precision.Auto,
    OptimizerOptions? Optimizer = null,
    Schedule? Schedule = null,
    LossOptions? Loss = null,
    int Workers = 0,
    int EvaluateEvery = 1,
    CacheOptions? Cache = null,
    double? ClipNorm = null,
    double EmaDecay = 0,
    double? LayerDecay = null,
    bool Checkpoints = true,
    MixOptions? Mix = null,
    bool Tensorboard = true,
    AccumulateRest AccumulateRest = AccumulateRest.Step,
    int? EarlyStopping = null,
    string? From = null,
    SaveOptions? Save = null,
    ClusterOptions? Cluster = null,
    Recomputation Recompute = Recomputation.None)
{
    /// <summary>The optimizer's settings, never null.</summary>
    public OptimizerOptions Optimizer { get; init; } = Optimizer ?? new SgdOptions();

    /// <summary>The learning rate's course, never null.</summary>
    public Schedule Schedule { get; init; } = Schedule ?? new CosineSchedule();

    /// <summary>The loss, never null.</summary>
    public LossOptions Loss { get; init; } = Loss ?? new LossOptions();

    /// <summary>How training batches are mixed, never null.</summary>
    public MixOptions Mix { get; init; } = Mix ?? new MixOptions();

    /// <summary>The frozen-prefix cache's settings, never null.</summary>
    public CacheOptions Cache { get; init; } = Cache ?? new CacheOptions();

    /// <summary>Checkpoints within an epoch, never null.</summary>
    public SaveOptions Save { get; init; } = Save ?? new SaveOptions();

    /// <summary>How several processes train together, never null.</summary>
    public ClusterOptions Cluster { get; init; } = Cluster ?? new ClusterOptions();

    /// <summary>Pictures per optimizer step, of all processes together.</summary>
    public int EffectiveBatch => checked(Batch * Accumulate);

    /// <summary>Reads a recipe file strictly: comments and trailing commas are allowed, unknown keys are not.</summary>
    /// <param name="path">The file.</param>
    /// <param name="overrides">Edits such as <c>tuning.bottleneck=32</c>, applied in order; see <see cref="RecipeOverrides"/>.</param>
    /// <exception cref="RecipeException">The recipe is not valid; all problems are listed.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static Recipe Load(string path, IEnumerable<string>? overrides = null) => RecipeReader.Load(path, overrides ?? []);

    /// <summary>Reads a recipe from text; see <see cref="Load"/>.</summary>
    /// <param name="json">The text.</param>
    /// <param name="source">What to call it in messages.</param>
    /// <param name="overrides">Edits such as <c>tuning.bottleneck=32</c>.</param>
    /// <exception cref="RecipeException">The recipe is not valid; all problems are listed.</exception>
    public static Recipe Parse(string json, string source = "Recipe", IEnumerable<string>? overrides = null) =>
        RecipeReader.Parse(json, source, overrides ?? []);

    /// <summary>The recipe with every key written out, as it is kept in a run directory.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, JsonKinds.Info<Recipe>(RecipeJson.Default));

    /// <summary>What is allowed but probably not meant.</summary>
    public IEnumerable<string> Warnings()
    {
        double warmup = Schedule switch
        {
            CosineSchedule cosine => cosine.WarmupEpochs,
            ConstantSchedule constant => constant.WarmupEpochs,
            StepSchedule step => step.WarmupEpochs,
            _ => 0,
        };
        if (warmup > 0 && warmup >= Epochs)
            yield return $"schedule.warmup_epochs is {warmup} and epochs is {Epochs}: the learning rate never reaches its peak; set "
                + "schedule.warmup_epochs below epochs.";
        if (Recompute == Recomputation.Blocks && Tuning is LinearProbe)
            yield return "recompute is blocks, and the linear probe trains nothing inside of a block: nothing is kept there, and nothing "
                + "is computed once more.";
    }

    /// <summary>Everything out of range, one message each; empty for a good recipe.</summary>
    internal List<string> Problems()
    {
        List<string> problems = [];
        RecipeCheck check = new("", problems);
        RecipeSteps.Check(check, Epochs, Precision, Batch, Accumulate, Workers);
        check.Require(EvaluateEvery >= 1, "evaluate_every", EvaluateEvery, "a whole number of at least 1");
        check.Require(ClipNorm is null || (ClipNorm > 0 && double.IsFinite(ClipNorm.Value)), "clip_norm", ClipNorm,
            "null or a number above 0");
        check.Require(EmaDecay is >= 0 and < 1, "ema_decay", EmaDecay, "a number in [0, 1)");
        check.Require(LayerDecay is null or (> 0 and <= 1), "layer_decay", LayerDecay, "null or a number in (0, 1]");
        check.Require(EarlyStopping is null or >= 1, "early_stopping", EarlyStopping, "null or a whole number of at least 1");
        check.Require(
            EarlyStopping is null || Data.HasValidation, "early_stopping", EarlyStopping,
            "null, or validation data (data.validation, or data.validation_fraction above 0)");
        check.Require(From is null || !string.IsNullOrWhiteSpace(From), "from", From, "the path of an adapter file, or null");
        Model.Check(check.At("model"));
        Data.Check(check.At("data"));
        Optimizer.Check(check.At("optimizer"));
        Schedule.Check(check.At("schedule"));
        Loss.Check(check.At("loss"));
        Mix.Check(check.At("mix"));
        check.Require(!Mix.IsOn || Loss.Name != LossName.Asymmetric, "mix", "on",
            "loss.name cross_entropy or bce: the asymmetric loss has no mixed targets");
        Cache.Check(check.At("cache"));
        Save.Check(check.At("save"));
        check.Require(Checkpoints || (Save.Steps is null && Save.Minutes is null), "checkpoints", Checkpoints, "true beside save");
        Cluster.Check(check.At("cluster"));
        return problems;
    }
}
