using AdaptFormer.Data.Images;
using AdaptFormer.Data.Transforms;
using AdaptFormer.Data.Transforms.Augment;
using AdaptFormer.Training;

namespace AdaptFormer.Runs.Recipes;

/// <summary>
/// How pictures are cut and resized: the <c>data.transform</c> section of a recipe. The size of the result and the statistics
/// that normalise it belong to the model, so they stand in <see cref="ModelOptions"/>.
/// </summary>
/// <param name="Crop">How training pictures are cut.</param>
/// <param name="MinArea">Smallest part of the area that a random crop keeps, in (0, 1].</param>
/// <param name="Flip">Whether training mirrors half of the pictures left to right.</param>
/// <param name="Interpolation">Filter of every resize.</param>
/// <param name="EvalResize">Shorter side before the centre crop of evaluation, in pixels; 0 stretches the whole picture instead; null
/// takes 256/224 of the model's size.</param>
/// <param name="ColorJitter">Random colours of training pictures; none if null.</param>
/// <param name="RandAugment">Random changes of training pictures; none if null.</param>
/// <param name="Erase">Probability that a rectangle of a training picture is erased, in [0, 1].</param>
/// <param name="Orientation">Whether pictures, and the frames of clips too, are turned as their files say; in training, scoring and
/// prediction alike.</param>
public sealed record AugmentOptions(
    TrainCrop Crop = TrainCrop.RandomResized,
    double MinArea = 0.08,
    bool Flip = true,
    Interpolation Interpolation = Interpolation.Bicubic,
    int? EvalResize = null,
    ColorJitter? ColorJitter = null,
    RandAugment? RandAugment = null,
    double Erase = 0,
    OrientationRule Orientation = OrientationRule.Apply)
{
    /// <summary>The shorter side before the centre crop of evaluation.</summary>
    /// <param name="imageSize">Side of the model's input, in pixels.</param>
    public int EvalResizeFor(int imageSize) => EvalResize ?? (int)Math.Round(imageSize * 256.0 / 224);

    internal void Check(RecipeCheck check)
    {
        check.Require(MinArea is > 0 and <= 1, "min_area", MinArea, "a number in (0, 1]");
        check.Require(Erase is >= 0 and <= 1, "erase", Erase, "a number in [0, 1]");
        check.Require(EvalResize is null or (>= 0 and <= 8192), "eval_resize", EvalResize, "null or a whole number in [0, 8192]");
    }
}
