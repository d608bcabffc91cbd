using AdaptFormer.Data.Images;
using AdaptFormer.Tensors;

namespace AdaptFormer.Data.Transforms.Augment;

/// <summary>
/// Replaces a random rectangle of a normalised picture by noise, a number for each pixel and channel: arXiv:1708.04896, with the sizes of
/// timm's <c>pixel</c> mode. Up to ten
/// rectangles are drawn until one fits: 2 to 33 % of the area, sides 0.3 to 3.3 to one, evenly in the logarithm.
/// </summary>
public static class RandomErasing
{
    private const double LeastArea = 0.02, MostArea = 1.0 / 3, LeastRatio = 0.3;
    private const int Attempts = 10;

    /// <summary>Erases with a probability.</summary>
    /// <param name="chw">[3, H, W], normalised.</param>
    /// <param name="width">W.</param>
    /// <param name="height">H.</param>
    /// <param name="probability">In [0, 1].</param>
    /// <param name="rng">The sample's stream.</param>
    /// <returns>What was erased; empty if nothing.</returns>
    public static PixelBox Apply(Span<float> chw, int width, int height, double probability, Rng rng)
    {
        if (rng.NextDouble() >= probability) return default;
        double bound = Math.Log(1 / LeastRatio);
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            double area = rng.NextUniform(LeastArea, MostArea) * width * height, ratio = Math.Exp(rng.NextUniform(-bound, bound));
            int h = (int)Math.Round(Math.Sqrt(area * ratio)), w = (int)Math.Round(Math.Sqrt(area / ratio));
            if (w >= width || h >= height || w < 1 || h < 1) continue;
            PixelBox box = new(rng.NextInt(width - w + 1), rng.NextInt(height - h + 1), w, h);
            for (int c = 0; c < 3; c++)
            {
                for (int y = box.Top; y < box.Top + h; y++)
                {
                    foreach (ref float value in chw.Slice((((c * height) + y) * width) + box.Left, w)) value = (float)rng.NextNormal();
                }
            }

            return box;
        }

        return default;
    }
}
