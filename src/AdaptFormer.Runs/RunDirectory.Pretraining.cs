using AdaptFormer.Files;
using AdaptFormer.Models;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Training.Loop;
using AdaptFormer.Training.Tasks;

namespace AdaptFormer.Runs;

/// <content>
/// The folder of a pre-training, which holds <c>weights.safetensors</c>, a checkpoint under MAE's names, in place of an adapter. The
/// trainer's checkpoint decides where the run stands: the log has its epoch before it is written, and the weights, which are a part of
/// it, are made from it again when the run goes on.
/// </content>
public sealed partial class RunDirectory
{
    private const string WeightsName = "weights.safetensors";

    // Not a field: those of the other part of this class might not be set yet.
    private static RunContent PretrainingContent => new(
        [.. Content.Own, WeightsName, EarlierState.FileName], [.. Content.Learned, WeightsName, EarlierState.FileName]);

    /// <summary>What a pre-training makes: weights, ready to be a recipe's <c>model.weights</c>.</summary>
    public string WeightsPath => In(WeightsName);

    /// <summary>Makes the folder of a pre-training, or takes over one.</summary>
    /// <param name="path">The folder; made with its parents if it is not there.</param>
    /// <param name="recipe">The resolved recipe, which is written.</param>
    /// <param name="environment">Where the run runs, which is written.</param>
    /// <param name="existing">What to do with a run that is already there.</param>
    /// <exception cref="IOException">It holds something that may not be touched, is a file, or cannot be written.</exception>
    /// <exception cref="ArgumentException">The run to resume has another recipe; every key that differs is named.</exception>
    public static RunDirectory Create(string path, PretrainRecipe recipe, RunEnvironment environment, ExistingRun existing)
    {
        string json = recipe.ToJson();
        return Begin(new RunDirectory(path, RunFolder.Take(path, PretrainingContent, json, existing, () =>
        {
            string file = System.IO.Path.Combine(path, RunFolder.RecipeName);
            PretrainRecipe there = PretrainRecipe.Load(file);
            there = there with { Data = RunFolder.DataOf(there.Data, file) };
            if (there.Precision == Precision.Auto) there = there with { Precision = recipe.Precision };     // older versions left 'auto'
            IReadOnlyList<string> differences = RecipeDifference.Between(there.ToJson(), json, "save", "cluster", "recompute");
            if (differences.Count > 0) throw RecipeDifference.Error(path, differences);
        })), environment);
    }

    /// <summary>What the pre-training in a folder computes in; <c>auto</c> if there is none, or none that recorded it.</summary>
    /// <exception cref="RecipeException">Its recipe was changed so that it is no longer valid.</exception>
    public static Precision PretrainingPrecisionOf(string path) => RunFolder.IsRun(path)
        ? PretrainRecipe.Load(System.IO.Path.Combine(path, RunFolder.RecipeName)).Precision
        : Precision.Auto;

    /// <summary>Makes the checkpoint of a pre-training that an earlier version began.</summary>
    /// <exception cref="InvalidDataException">What it left is damaged.</exception>
    public void TakeOverEarlierState(TrainingTask task)
    {
        string state = In(EarlierState.FileName);
        if (!File.Exists(state)) return;
        if (!File.Exists(CheckpointPath)) EarlierState.Convert(state, CheckpointPath, task);
        Disk.Delete(state);
    }
}
