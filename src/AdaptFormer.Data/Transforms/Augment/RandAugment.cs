using AdaptFormer.Data.Images;
using AdaptFormer.Tensors;

namespace AdaptFormer.Data.Transforms.Augment;

/// <summary>
/// Random changes of pictures, arXiv:1909.13719, with the operations and strengths that fine-tuning recipes write as
/// <c>rand-m9-mstd0.5-inc1</c>: strengths that grow with the
/// magnitude, each operation done with probability a half.
/// </summary>
/// <param name="Layers">Operations drawn for each picture, with replacement, at least 1.</param>
/// <param name="Magnitude">Mean strength, in [0, 10].</param>
/// <param name="Std">Deviation of the strength, at least 0; it is cut to [0, 10].</param>
public sealed record RandAugment(int Layers = 2, double Magnitude = 9, double Std = 0.5)
{
    private const double Probability = 0.5, Top = 10;

    /// <summary>The operations.</summary>
    internal enum Op
    {
        AutoContrast,
        Equalize,
        Invert,
        Rotate,
        Posterize,
        Solarize,
        SolarizeAdd,
        Color,
        Contrast,
        Brightness,
        Sharpness,
        ShearX,
        ShearY,
        TranslateX,
        TranslateY,
    }

    internal static int OpCount { get; } = Enum.GetValues<Op>().Length;

    /// <summary>Changes a picture in place.</summary>
    /// <param name="image">The picture.</param>
    /// <param name="rng">The sample's stream.</param>
    /// <param name="bicubic">Whether moved pixels are interpolated by cubics.</param>
    /// <param name="fill">Colour of what was outside.</param>
    /// <param name="scratch">Room for another picture.</param>
    public void Apply(ImageBuffer image, Rng rng, bool bicubic, (byte R, byte G, byte B) fill, ImageBuffer scratch)
    {
        for (int layer = 0; layer < Layers; layer++)
        {
            Op op = (Op)rng.NextInt(OpCount);
            if (rng.NextDouble() >= Probability) continue;
            double level = Math.Clamp(Magnitude + (Std * rng.NextNormal()), 0, Top) / Top;
            Apply(op, image, level, negative: rng.NextDouble() < 0.5, bicubic, fill, scratch);
        }
    }

    /// <summary>One operation.</summary>
    /// <param name="op">Which.</param>
    /// <param name="image">The picture, changed in place.</param>
    /// <param name="level">Strength, in [0, 1].</param>
    /// <param name="negative">The direction, of an operation that has two.</param>
    /// <param name="bicubic">Whether moved pixels are interpolated by cubics.</param>
    /// <param name="fill">Colour of what was outside.</param>
    /// <param name="scratch">Room for another picture.</param>
    internal static void Apply(
        Op op, ImageBuffer image, double level, bool negative, bool bicubic, (byte R, byte G, byte B) fill, ImageBuffer scratch)
    {
        double sign = negative ? -1 : 1;
        float factor = (float)Math.Max(0.1, 1 + (sign * 0.9 * level));
        switch (op)
        {
            case Op.AutoContrast: PixelOps.AutoContrast(image); break;
            case Op.Equalize: PixelOps.Equalize(image); break;
            case Op.Invert: PixelOps.Solarize(image, 0); break;
            case Op.Posterize: PixelOps.Posterize(image, 4 - (int)(level * 4)); break;
            case Op.Solarize: PixelOps.Solarize(image, 256 - Math.Min(256, (int)(level * 256))); break;
            case Op.SolarizeAdd: PixelOps.SolarizeAdd(image, Math.Min(128, (int)(level * 110))); break;
            case Op.Color: PixelOps.Color(image, factor); break;
            case Op.Contrast: PixelOps.Contrast(image, factor); break;
            case Op.Brightness: PixelOps.Brightness(image, factor); break;
            case Op.Sharpness: PixelOps.Sharpness(image, factor, scratch); break;
            case Op.Rotate: Warp(AffineWarp.Rotation(sign * 30 * level, image.Width, image.Height)); break;
            case Op.ShearX: Warp(AffineWarp.ShearX(sign * 0.3 * level)); break;
            case Op.ShearY: Warp(AffineWarp.ShearY(sign * 0.3 * level)); break;
            case Op.TranslateX: Warp(AffineWarp.Shift(sign * 0.45 * level * image.Width, 0)); break;
            case Op.TranslateY: Warp(AffineWarp.Shift(0, sign * 0.45 * level * image.Height)); break;
        }

        void Warp(AffineWarp warp)
        {
            scratch.CopyFrom(image);
            warp.Apply(scratch, image, bicubic, fill);
        }
    }

    internal void AddProblems(ICollection<string> problems)
    {
        if (Layers is < 1 or > 16) problems.Add($"rand_augment.layers is {Layers}, possible are 1 to 16");
        if (!(Magnitude is >= 0 and <= Top)) problems.Add($"rand_augment.magnitude is {Magnitude}, possible are numbers in [0, 10]");
        if (!(Std is >= 0 and <= 100)) problems.Add($"rand_augment.std is {Std}, possible are numbers in [0, 100]");
    }
}
