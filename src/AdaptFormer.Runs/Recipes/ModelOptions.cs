using System.Text.Json.Serialization;
using AdaptFormer.Models;
using AdaptFormer.Training;

namespace AdaptFormer.Runs.Recipes;

/// <summary>Statistics that pixels, scaled to 0 to 1, are normalised with.</summary>
[JsonConverter(typeof(SnakeCaseEnum<Normalize>))]
public enum Normalize
{
    /// <summary>Mean (0.485, 0.456, 0.406), deviation (0.229, 0.224, 0.225).</summary>
    Imagenet,

    /// <summary>Mean and deviation 0.5.</summary>
    Inception,

    /// <summary>None: the model sees 0 to 1.</summary>
    None,
}

/// <summary>The backbone: the <c>model</c> section of a recipe.</summary>
/// <param name="Name">timm's id, for example <c>vit_base_patch16_224</c>; any name of your own together with
/// <paramref name="Config"/>.</param>
/// <param name="Weights">The pre-trained weights file; null, written out, starts from random numbers.</param>
/// <param name="ImageSize">Side of the input picture in pixels; null takes the model's own. Position embeddings are resized.</param>
/// <param name="GlobalPool">Classifies the mean of the patch tokens (with <c>fc_norm</c>) and not the class token.</param>
/// <param name="DropPath">Stochastic depth of the last block, in [0, 1); rises linearly from 0 in the first.</param>
/// <param name="Normalize">Statistics of the pictures that the weights were trained with: <c>imagenet</c>, <c>inception</c> (0.5 each) or
/// <c>none</c>; null takes the model's own.</param>
/// <param name="Mean">Three channel means (pixels in 0 to 1) in place of the named ones.</param>
/// <param name="Std">Three standard deviations in place of the named ones.</param>
/// <param name="Config">Sizes of a model that is in no list, with its <c>family</c> (<c>vit</c> if left out); null takes those that the
/// name stands for.</param>
/// <param name="NumFrames">Frames of a clip, for video models; null takes the model's own.</param>
/// <param name="Inflate">Makes a model for clips of image weights: <c>mean</c> or <c>centre</c> says how the patch kernel is spread over
/// the frames of a tubelet.</param>
/// <param name="Prefix">Which of several models in the weights file: what stands ahead of its names, or the key that holds it
/// (<c>model_ema</c>); found if null.</param>
/// <param name="InflateTokens">Whether an inflated plain ViT keeps class token and learned positions (ViViT's way); false drops them for
/// a fixed sinusoid table (the authors' code).</param>
public sealed record ModelOptions(
    string Name,
    string? Weights,
    int? ImageSize = null,
    bool GlobalPool = false,
    float DropPath = 0,
    Normalize? Normalize = null,
    float[]? Mean = null,
    float[]? Std = null,
    BackboneConfig? Config = null,
    int? NumFrames = null,
    Inflation? Inflate = null,
    string? Prefix = null,
    bool InflateTokens = true)
{
    internal void Check(RecipeCheck check)
    {
        check.Require(!string.IsNullOrWhiteSpace(Name), "name", Name, "a model such as 'vit_base_patch16_224'");
        check.Require(Weights is null || !string.IsNullOrWhiteSpace(Weights), "weights", Weights,
            "the path of a weights file, or null to start from random numbers");
        check.Require(ImageSize is null or (>= 1 and <= 4096), "image_size", ImageSize, "null or a whole number in [1, 4096]");
        check.Require(NumFrames is null or (>= 1 and <= 1024), "num_frames", NumFrames, "null or a whole number in [1, 1024]");
        check.Require(InflateTokens || Inflate is not null, "inflate_tokens", "false", "model.inflate beside it");
        check.Require(DropPath is >= 0 and < 1, "drop_path", DropPath, "a number in [0, 1)");
        check.Require(Mean is null || (Mean.Length == 3 && Mean.All(m => m is >= 0 and <= 1)), "mean", Mean, "three numbers in [0, 1]");
        check.Require(Std is null || (Std.Length == 3 && Std.All(s => s is > 0 and <= 1)), "std", Std, "three numbers in (0, 1]");
        check.Require((Mean is null) == (Std is null), "std", Std, "mean and std together, or neither");
    }
}
