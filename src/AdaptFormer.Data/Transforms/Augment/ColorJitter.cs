using AdaptFormer.Data.Images;
using AdaptFormer.Tensors;

namespace AdaptFormer.Data.Transforms.Augment;

/// <summary>Random brightness, contrast, saturation and hue, in random order: torchvision's rule on Pillow's pictures.</summary>
/// <param name="Brightness">b: the factor is uniform in [max(0, 1 − b), 1 + b]; 0 leaves the brightness alone.</param>
/// <param name="Contrast">The same for the contrast.</param>
/// <param name="Saturation">The same for the saturation.</param>
/// <param name="Hue">h in [0, 0.5]: the hue turns by a part of the colour circle uniform in [−h, h].</param>
public sealed record ColorJitter(double Brightness = 0, double Contrast = 0, double Saturation = 0, double Hue = 0)
{
    /// <summary>Changes a picture in place.</summary>
    /// <param name="image">The picture.</param>
    /// <param name="rng">The sample's stream.</param>
    public void Apply(ImageBuffer image, Rng rng)
    {
        Span<int> order = [0, 1, 2, 3];
        rng.Shuffle(order);
        float brightness = Factor(rng, Brightness), contrast = Factor(rng, Contrast), saturation = Factor(rng, Saturation);
        double hue = rng.NextUniform(-Hue, Hue);
        foreach (int step in order)
        {
            if (step == 0) PixelOps.Brightness(image, brightness);
            else if (step == 1) PixelOps.Contrast(image, contrast);
            else if (step == 2) PixelOps.Color(image, saturation);
            else if (Hue > 0) PixelOps.Hue(image, hue);
        }
    }

    internal void AddProblems(ICollection<string> problems)
    {
        foreach ((string name, double value, double most) in ((string, double, double)[])[("brightness", Brightness, 100),
            ("contrast", Contrast, 100), ("saturation", Saturation, 100), ("hue", Hue, 0.5)])
        {
            if (!(value >= 0 && value <= most)) problems.Add($"color_jitter.{name} is {value}, possible are numbers in [0, {most}]");
        }
    }

    private static float Factor(Rng rng, double spread)
    {
        double draw = rng.NextUniform(Math.Max(0, 1 - spread), 1 + spread);
        return spread == 0 ? 1 : (float)draw;
    }
}
