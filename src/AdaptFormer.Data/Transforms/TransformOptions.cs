namespace AdaptFormer.Data;

/// <summary>How a training sample is cut out of its picture.</summary>
public enum TrainCrop
{
    /// <summary>Random area and ratio, one draw clipped to the picture: MAE's and the AdaptFormer authors' rule.</summary>
    RandomResized,

    /// <summary>Random area and ratio, up to ten draws until one fits: torchvision's rule.</summary>
    RandomResizedRetry,

    /// <summary>No augmentation: the same resize and centre crop as in evaluation.</summary>
    Center,

    /// <summary>The whole picture, stretched to a square.</summary>
    Stretch,
}

/// <summary>From decoded picture to normalised [3, S, S] floats, for training and evaluation; part of a recipe and of an adapter
/// file.</summary>
/// <param name="ImgSize">Side S of the square that the model sees, in pixels.</param>
/// <param name="Crop">How training samples are cut.</param>
/// <param name="MinArea">Smallest part of the area that a random crop keeps, in (0, 1].</param>
/// <param name="Flip">Whether training mirrors half of the samples left to right.</param>
/// <param name="Interpolation">Filter of every resize.</param>
/// <param name="EvalResize">Length of the shorter side before the centre crop of evaluation; 0 stretches the whole picture to S × S
/// instead.</param>
/// <param name="Normalize">Statistics by name: <c>imagenet</c>, <c>inception</c> (mean and deviation 0.5) or <c>none</c> (values in [0,
/// 1]).</param>
/// <param name="Mean">Mean of R, G, B in [0, 1], in place of the named ones; null keeps those.</param>
/// <param name="Std">Standard deviation of R, G, B, in place of the named ones; null keeps those.</param>
/// <param name="ColorJitter">Random colours in training; none if null.</param>
/// <param name="RandAugment">Random changes in training, after the colours; none if null.</param>
/// <param name="Erase">Probability in [0, 1] that a rectangle of a training sample is erased; see <see cref="RandomErasing"/>.</param>
/// <param name="EvalStretch">Whether evaluation stretches the whole picture to a square of <paramref name="EvalResize"/> ahead of the
/// crop, and does not keep its ratio.</param>
/// <param name="Orientation">Whether pictures are turned as their files say, ahead of everything else.</param>
public sealed record TransformOptions(
    int ImgSize = 224,
    TrainCrop Crop = TrainCrop.RandomResized,
    double MinArea = 0.08,
    bool Flip = true,
    Interpolation Interpolation = Interpolation.Bicubic,
    int EvalResize = 256,
    string Normalize = "imagenet",
    float[]? Mean = null,
    float[]? Std = null,
    ColorJitter? ColorJitter = null,
    RandAugment? RandAugment = null,
    double Erase = 0,
    bool EvalStretch = false,
    OrientationRule Orientation = OrientationRule.Apply)
{
    /// <summary>Names that <see cref="Normalize"/> may have.</summary>
    public static IReadOnlyList<string> NormalizeNames { get; } = ["imagenet", "inception", "none"];

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">A value is out of range or a name is unknown; the message lists all such values.</exception>
    public void Validate()
    {
        List<string> problems = [];
        if (ImgSize is < 1 or > 4096) problems.Add($"img_size is {ImgSize}, possible are 1 to 4096");
        if (!(MinArea > 0 && MinArea <= 1)) problems.Add($"min_area is {MinArea}, possible are values in (0, 1]");
        if (EvalResize != 0 && (EvalResize < ImgSize || EvalResize > 8192)) problems.Add($"eval_resize is {EvalResize}, possible are 0 (stretch) and img_size ({ImgSize}) to 8192");
        if (!NormalizeNames.Contains(Normalize)) problems.Add($"normalize '{Normalize}' is not known; known: {string.Join(", ", NormalizeNames)}");
        if (Mean is not null && Mean.Length != 3) problems.Add($"mean has {Mean.Length} values, not 3");
        if (Std is not null && (Std.Length != 3 || Std.Any(s => !(s > 0)))) problems.Add("std must be 3 positive values");
        ColorJitter?.AddProblems(problems);
        RandAugment?.AddProblems(problems);
        if (!(Erase is >= 0 and <= 1)) problems.Add($"erase is {Erase}, possible are numbers in [0, 1]");
        if (problems.Count > 0) throw new ArgumentException($"Transform: {string.Join("; ", problems)}.");
    }

    /// <summary>The normaliser that <see cref="Normalize"/>, <see cref="Mean"/> and <see cref="Std"/> describe.</summary>
    /// <exception cref="ArgumentException">The name is unknown, or the values are not three positive ones.</exception>
    public PixelNormalizer Normalizer()
    {
        (float[] mean, float[] std) = Normalize switch
        {
            "imagenet" => (new[] { 0.485f, 0.456f, 0.406f }, new[] { 0.229f, 0.224f, 0.225f }),
            "inception" => ([0.5f, 0.5f, 0.5f], [0.5f, 0.5f, 0.5f]),
            "none" => ([0f, 0f, 0f], [1f, 1f, 1f]),
            _ => throw new ArgumentException($"Transform: normalize '{Normalize}' is not known; known: {string.Join(", ", NormalizeNames)}."),
        };
        return new PixelNormalizer(Mean ?? mean, Std ?? std);
    }
}
