using AdaptFormer.Data;

namespace AdaptFormer.Training.Recipes;

/// <summary>
/// How videos become clips: the <c>data.clip</c> section of a recipe. Number of frames, size and statistics belong to the model, so they
/// stand in <see cref="ModelOptions"/>.
/// </summary>
/// <param name="Root">Folder that the paths of a list are relative to; that of the list if null.</param>
/// <param name="TestRoot">The same for the test data; <paramref name="Root"/> if null.</param>
/// <param name="Sampling">Which frames.</param>
/// <param name="SamplingRate">Distance between the frames of a dense clip, at least 1.</param>
/// <param name="Crop">How training cuts the frames.</param>
/// <param name="Flip">Whether training mirrors half of the clips.</param>
/// <param name="MinArea">Smallest part of the area that a random crop keeps, in (0, 1].</param>
/// <param name="Segments">Clips of a video that are scored together, at least 1.</param>
/// <param name="Crops">Places that each of them is scored at: 1 or 3.</param>
/// <param name="EvalResize">Shorter side before the crop for scoring, in pixels; null takes the model's size.</param>
/// <param name="Interpolation">Filter of every resize.</param>
public sealed record ClipSettings(
    string? Root = null, string? TestRoot = null, FrameSampling Sampling = FrameSampling.Segments, int SamplingRate = 4, ClipCrop Crop = ClipCrop.MultiScale, bool Flip = false,
    double MinArea = 0.08, int Segments = 1, int Crops = 1, int? EvalResize = null, Interpolation Interpolation = Interpolation.Bilinear)
{
    /// <summary>The settings for a model's clips.</summary>
    /// <param name="numFrames">T.</param>
    /// <param name="imgSize">S.</param>
    public ClipOptions For(int numFrames, int imgSize) =>
        new(numFrames, imgSize, Sampling, SamplingRate, Crop, Flip, MinArea, Segments, Crops, EvalResize ?? 0, Interpolation);

    internal void Check(RecipeCheck check)
    {
        check.Require(Root is null || !string.IsNullOrWhiteSpace(Root), "root", Root, "a folder, or null");
        check.Require(TestRoot is null || !string.IsNullOrWhiteSpace(TestRoot), "test_root", TestRoot, "a folder, or null");
        check.Require(SamplingRate is >= 1 and <= 1024, "sampling_rate", SamplingRate, "a whole number in [1, 1024]");
        check.Require(MinArea is > 0 and <= 1, "min_area", MinArea, "a number in (0, 1]");
        check.Require(Segments is >= 1 and <= 100, "segments", Segments, "a whole number in [1, 100]");
        check.Require(Crops is 1 or 3, "crops", Crops, "1 or 3");
        check.Require(EvalResize is null or (>= 1 and <= 8192), "eval_resize", EvalResize, "null or a whole number in [1, 8192]");
    }
}
