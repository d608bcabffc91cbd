using AdaptFormer.Data.Transforms;
using AdaptFormer.Models;
using AdaptFormer.Training;

namespace AdaptFormer.Runs.Recipes;

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
    string? Root = null, string? TestRoot = null, FrameSampling Sampling = FrameSampling.Segments, int SamplingRate = 4,
        TrainCrop Crop = TrainCrop.MultiScale, bool Flip = false,
    double MinArea = 0.08, int Segments = 1, int Crops = 1, int? EvalResize = null, Interpolation Interpolation = Interpolation.Bilinear)
{
    /// <summary>What training and scoring make of clips under these settings.</summary>
    /// <param name="numFrames">T.</param>
    /// <param name="imgSize">S.</param>
    /// <param name="statistics">Mean and deviation of the channels.</param>
    /// <param name="augment">Its random colours, changes and erasing are done with clips too, all frames alike.</param>
    public TransformOptions For(int numFrames, int imgSize, PixelStatistics statistics, AugmentOptions augment) => new(
        imgSize, Crop, MinArea, Flip, Interpolation, EvalResize ?? imgSize, statistics, augment.ColorJitter, augment.RandAugment,
            augment.Erase, Crops,
        new ClipOptions(numFrames, Sampling, SamplingRate, Segments));

    /// <summary>What scoring makes of a video under these settings.</summary>
    /// <param name="imgSize">S.</param>
    /// <param name="statistics">Mean and deviation of the channels.</param>
    public Preprocessing ToPreprocessing(int imgSize, PixelStatistics statistics) => new(
        imgSize, statistics.Mean, statistics.Std, EvalResize ?? imgSize, Interpolation,
        new ClipViews(Sampling, SamplingRate, Segments, Crops));

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
