using AdaptFormer.Models;
using AdaptFormer.Peft;
using AdaptFormer.Runs.Recipes;

namespace AdaptFormer.Runs;

/// <summary>Writes what a run has learned.</summary>
public static class RecipeAdapter
{
    /// <summary>Replaces the adapter file at <paramref name="path"/>.</summary>
    public static void Save(Backbone model, Recipe recipe, RecipeData data, EpochRecord epoch, string path)
    {
        Dictionary<string, double> metrics = new() { ["epoch"] = epoch.Epoch, ["train_loss"] = epoch.TrainLoss };
        if (epoch.ValidationTop1 is { } top1) metrics["validation_top1"] = top1;
        if (epoch.ValidationMap is { } map) metrics["validation_map"] = map;
        AdapterFile.Save(path, model, recipe.Tuning, data.ClassNames, RecipeBackbone.Pictures(recipe, model), metrics, data.MultiLabel);
    }
}
