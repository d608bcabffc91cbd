using AdaptFormer.Data.Images;
using AdaptFormer.Tensors;

namespace AdaptFormer.Data.Transforms;

/// <summary>A rectangle of random area and aspect ratio at a random place: the usual augmentation for pre-training and transfer.</summary>
/// <param name="MinArea">Smallest part of the picture's area, in (0, 1].</param>
/// <param name="MaxArea">Largest part of the picture's area.</param>
/// <param name="MinRatio">Smallest width / height.</param>
/// <param name="MaxRatio">Largest width / height.</param>
/// <param name="Retry">
/// False: one draw, clipped to the picture (MAE's and the AdaptFormer authors' rule). True: up to ten draws until one fits, then
/// a central crop (torchvision's rule).
/// </param>
public sealed record RandomResizedCrop(
    double MinArea = 0.08, double MaxArea = 1, double MinRatio = 3.0 / 4, double MaxRatio = 4.0 / 3, bool Retry = false)
{
    private const int Attempts = 10;

    /// <summary>Draws a rectangle for a picture of the given size.</summary>
    public PixelBox Sample(int width, int height, Rng rng)
    {
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            double area = rng.NextUniform(MinArea, MaxArea), logRatio = rng.NextUniform(Math.Log(MinRatio), Math.Log(MaxRatio));
            (int w, int h) = Size(width, height, area, logRatio);
            if (Retry && (w > width || h > height || w == 0 || h == 0)) continue;
            (w, h) = (Math.Clamp(w, 1, width), Math.Clamp(h, 1, height));
            int top = rng.NextInt(height - h + 1);
            return new PixelBox(rng.NextInt(width - w + 1), top, w, h);
        }

        return Fallback(width, height);
    }

    /// <summary>The drawn size before clipping: w = round(√(area·ratio)), h = round(√(area/ratio)), half to even.</summary>
    /// <param name="width">Width of the picture.</param>
    /// <param name="height">Height of the picture.</param>
    /// <param name="areaFraction">Part of the picture's area.</param>
    /// <param name="logRatio">Natural logarithm of width / height.</param>
    public static (int Width, int Height) Size(int width, int height, double areaFraction, double logRatio)
    {
        double area = (double)width * height * areaFraction, ratio = Math.Exp(logRatio);
        return ((int)Math.Round(Math.Sqrt(area * ratio)), (int)Math.Round(Math.Sqrt(area / ratio)));
    }

    private PixelBox Fallback(int width, int height)
    {
        double ratio = (double)width / height;
        (int w, int h) = (width, height);
        if (ratio < MinRatio) h = Math.Min(height, (int)Math.Round(width / MinRatio));
        else if (ratio > MaxRatio) w = Math.Min(width, (int)Math.Round(height * MaxRatio));
        return new PixelBox((width - w) / 2, (height - h) / 2, w, h);
    }
}
