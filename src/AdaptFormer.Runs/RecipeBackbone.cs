using AdaptFormer.Files.Hub;
using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tensors;

namespace AdaptFormer.Runs;

/// <summary>The backbone that a recipe names, and what its pictures must look like.</summary>
public static class RecipeBackbone
{
    private const long WeightsStream = 2;        // names the random start's stream below the run's seed

    /// <summary>Opens the backbone of <paramref name="recipe"/>, without a head and frozen.</summary>
    /// <exception cref="FileNotFoundException">There are no such weights.</exception>
    /// <exception cref="InvalidDataException">The weights are damaged or do not fit; all misfits are named.</exception>
    /// <exception cref="ArgumentException">The model's name is not known, or its sizes contradict each other.</exception>
    public static Backbone Load(Recipe recipe)
    {
        ModelOptions model = recipe.Model;
        DataType compute = recipe.Precision.Compute();
        if (model.Weights is { } weights)
        {
            bool path = !weights.StartsWith(HubId.Scheme, StringComparison.Ordinal) && !ShippedWeights.Means(weights);
            if (path && !Path.Exists(weights)) throw new FileNotFoundException(Missing(model, weights), weights);
            return BackboneLoader.Open(weights, new BackboneOptions(
                model.Name, model.Config, model.ImageSize, model.NumFrames, model.GlobalPool ? true : null, compute, model.Inflate,
                DropPath: model.DropPath, KeepHead: false, Prefix: model.Prefix, InflateTokens: model.InflateTokens));
        }

        Backbone fresh = Sizes(model).Create(model.Name, compute);
        fresh.Initialize(new Rng(recipe.Seed).Derive(WeightsStream));
        return fresh;
    }

    private static string Missing(ModelOptions model, string weights)
    {
        string published = PublishedWeights.Of(model.Name) is { } place ? $", or name the published ones, {place}" : "";
        return $"model.weights: there is no file or folder '{weights}'; "
            + $"give the pre-trained weights with --set model.weights=FILE{published}.";
    }

    /// <summary>The sizes that a recipe asks for: its own or its model's, at its image size and number of frames.</summary>
    /// <exception cref="ArgumentException">The model's name is not known, or it has no such choice.</exception>
    public static BackboneConfig Sizes(ModelOptions model)
    {
        BackboneConfig config = model.Config ?? ModelZoo.Get(model.Name).Config;
        if (model.Inflate is { } how) config = config.WithInflation(how, model.InflateTokens);
        if (model.ImageSize is { } side) config = config.WithImgSize(side);
        if (model.NumFrames is { } frames) config = config.WithNumFrames(frames);
        if (model.GlobalPool) config = config.WithGlobalPool(true);
        return model.DropPath > 0 ? config with { DropPath = model.DropPath } : config;
    }

    /// <summary>What evaluation makes of a picture, or of a clip for models that read clips: the recipe's choices, and the weights' own
    /// where it makes none.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="model">Its backbone.</param>
    /// <exception cref="ArgumentException">The model does not read square pictures.</exception>
    public static Preprocessing Pictures(Recipe recipe, Backbone model)
    {
        AugmentOptions augment = recipe.Data.Transform;
        Preprocessing expected = model.ExpectedPictures;
        PixelStatistics pixels = Statistics(recipe.Model) ?? expected.Pixels;
        bool upright = augment.Orientation == Data.Images.OrientationRule.Apply;
        if (model.ReadsClips) return recipe.Data.Clip.ToPreprocessing(expected.ImgSize, pixels) with { Upright = upright };
        return new Preprocessing(
            expected.ImgSize, pixels.Mean, pixels.Std, augment.EvalResizeFor(expected.ImgSize), augment.Interpolation, Upright: upright);
    }

    /// <summary>What of the recipe contradicts the weights' own description, in words.</summary>
    public static IEnumerable<string> Warnings(Recipe recipe, Backbone model)
    {
        if (model.Source is not { } source) yield break;
        Preprocessing expected = source.Preprocessing;
        bool given = Statistics(recipe.Model) is not null;
        foreach (string note in source.Report.Notes.Where(note => !given || note != LoadReport.NoStatistics))
            yield return $"{source.Report.Path}: {note}.";
        if (Statistics(recipe.Model) is { } pixels && ModelZoo.Contains(model.Id) && pixels != expected.Pixels)
        {
            yield return $"the recipe normalises pictures with mean {pixels.Mean}, std {pixels.Std}; {model.Id} expects mean "
                + $"{expected.Mean}, std {expected.Std} (leave model.normalize out to take those).";
        }
    }

    private static PixelStatistics? Statistics(ModelOptions options)
    {
        if (options is { Mean: [var r, var g, var b], Std: [var sr, var sg, var sb] }) return new(new(r, g, b), new(sr, sg, sb));
        return options.Normalize switch
        {
            Normalize.Imagenet => PixelStatistics.ImageNet,
            Normalize.Inception => PixelStatistics.Inception,
            Normalize.None => PixelStatistics.None,
            _ => null,
        };
    }
}
