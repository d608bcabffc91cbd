using AdaptFormer.Models;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Files;
using AdaptFormer.Training.Recipes;
using AdaptFormer.Training.Runs;

namespace AdaptFormer.Training;

/// <summary>Writes what a run has learned.</summary>
internal static class RecipeAdapter
{
    /// <summary>Replaces the adapter file at <paramref name="path"/>: the trainable tensors and the BatchNorm statistics.</summary>
    public static void Save(Backbone model, Recipe recipe, IReadOnlyList<string> classNames, EpochRecord epoch, string path)
    {
        SafetensorsWriter writer = new();
        foreach ((string name, Parameter parameter) in model.TrainableParameters().Concat(model.Buffers())) writer.Add(name, parameter.Shape, parameter.ToArray());
        writer.Metadata["model"] = model.Id;
        writer.Metadata["recipe"] = recipe.ToJson();
        writer.Metadata["labels"] = string.Join('\n', classNames);
        writer.Metadata["metrics"] = epoch.ToJsonLine();
        writer.Save(path);
    }
}
