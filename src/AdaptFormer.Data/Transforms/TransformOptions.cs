using AdaptFormer.Data.Images;
using AdaptFormer.Data.Transforms.Augment;

namespace AdaptFormer.Data.Transforms;

/// <summary>How a training sample is cut out of its picture, or out of every frame of its clip alike.</summary>
public enum TrainCrop
{
    /// <summary>Random area and ratio, one draw clipped to the picture: MAE's and the AdaptFormer authors' rule.</summary>
    RandomResized,

    /// <summary>Random area and ratio, up to ten draws until one fits: torchvision's rule.</summary>
    RandomResizedRetry,

    /// <summary><see cref="MultiScaleCrop"/>: the authors' video code.</summary>
    MultiScale,

    /// <summary>No augmentation: the same resize and centre crop as in evaluation.</summary>
    Center,

    /// <summary>The whole picture, stretched to a square.</summary>
    Stretch,
}

/// <summary>Which frames of a video a clip is made of.</summary>
/// <param name="NumFrames">Frames of a clip T.</param>
/// <param name="Sampling">Which frames.</param>
/// <param name="SamplingRate">Distance between the frames of a dense clip.</param>
/// <param name="Segments">Clips of a video that are scored together.</param>
public sealed record ClipOptions(int NumFrames = 8, FrameSampling Sampling = FrameSampling.Segments, int SamplingRate = 4, int Segments = 1)
{
    internal void AddProblems(ICollection<string> problems)
    {
        if (NumFrames is < 1 or > 1024) problems.Add($"num_frames is {NumFrames}, possible are 1 to 1024");
        if (SamplingRate is < 1 or > 1024) problems.Add($"sampling_rate is {SamplingRate}, possible are 1 to 1024");
        if (Segments is < 1 or > 100) problems.Add($"segments is {Segments}, possible are 1 to 100");
    }
}

/// <summary>From decoded frames to normalised [3, S, S] or [3, T, S, S] floats, for training and evaluation.</summary>
/// <param name="ImgSize">Side S of the square that the model sees, in pixels.</param>
/// <param name="Crop">How training samples are cut.</param>
/// <param name="MinArea">Smallest part of the area that a random crop keeps, in (0, 1].</param>
/// <param name="Flip">Whether training mirrors half of the samples left to right.</param>
/// <param name="Interpolation">Filter of every resize.</param>
/// <param name="EvalResize">Length of the shorter side before the crop of evaluation; 0 stretches the whole picture to S × S
/// instead.</param>
/// <param name="Statistics">Mean and deviation of the channels; ImageNet's if null.</param>
/// <param name="ColorJitter">Random colours in training; none if null.</param>
/// <param name="RandAugment">Random changes in training, after the colours; none if null.</param>
/// <param name="Erase">Probability in [0, 1] that a rectangle of a training sample is erased; see <see cref="RandomErasing"/>.</param>
/// <param name="Crops">Places on the longer side that evaluation cuts at: 1 (the centre) or 3.</param>
/// <param name="Clip">Which frames a clip is made of; null for pictures.</param>
/// <param name="EvalStretch">Whether evaluation stretches the whole picture to a square of <paramref name="EvalResize"/> ahead of the crop,
/// and does not keep its ratio.</param>
/// <param name="Orientation">Whether frames are turned as their file says, ahead of everything else.</param>
public sealed record TransformOptions(
    int ImgSize = 224,
    TrainCrop Crop = TrainCrop.RandomResized,
    double MinArea = 0.08,
    bool Flip = true,
    Interpolation Interpolation = Interpolation.Bicubic,
    int EvalResize = 256,
    PixelStatistics? Statistics = null,
    ColorJitter? ColorJitter = null,
    RandAugment? RandAugment = null,
    double Erase = 0,
    int Crops = 1,
    ClipOptions? Clip = null,
    bool EvalStretch = false,
    OrientationRule Orientation = OrientationRule.Apply)
{
    /// <summary>Mean and deviation of the channels, never null.</summary>
    public PixelStatistics Pixels => Statistics ?? PixelStatistics.ImageNet;

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">A value is out of range; the message lists all such values.</exception>
    public void Validate()
    {
        List<string> problems = [];
        if (ImgSize is < 1 or > 4096) problems.Add($"img_size is {ImgSize}, possible are 1 to 4096");
        if (!(MinArea > 0 && MinArea <= 1)) problems.Add($"min_area is {MinArea}, possible are values in (0, 1]");
        if (EvalResize != 0 && (EvalResize < ImgSize || EvalResize > 8192))
            problems.Add($"eval_resize is {EvalResize}, possible are 0 (stretch) and img_size ({ImgSize}) to 8192");
        if (Crops is not (1 or 3)) problems.Add($"crops is {Crops}, possible are 1 and 3");
        ColorJitter?.AddProblems(problems);
        RandAugment?.AddProblems(problems);
        if (!(Erase is >= 0 and <= 1)) problems.Add($"erase is {Erase}, possible are numbers in [0, 1]");
        Clip?.AddProblems(problems);
        if (problems.Count > 0) throw new ArgumentException($"Transform: {string.Join("; ", problems)}.");
    }
}
