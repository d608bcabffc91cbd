using AdaptFormer.Data.Images;
using AdaptFormer.Tensors;

namespace AdaptFormer.Training;

/// <summary>
/// How one batch is mixed with itself in reverse order: sample i with sample B − 1 − i, all by the same λ. Mixup takes λ·x + (1 −
/// λ)·x′ of the pixels, CutMix a rectangle of x′; targets are λ·t + (1 − λ)·t′, with λ the share of pixels that stayed.
/// </summary>
/// <param name="Lambda">λ, in [0, 1].</param>
/// <param name="Box">CutMix's rectangle; null for mixup.</param>
/// <remarks>timm's batch mode. An odd batch's middle sample is mixed with itself.</remarks>
public readonly record struct BatchMix(double Lambda, PixelBox? Box)
{
    /// <summary>Draws how a batch of pictures of this size is mixed.</summary>
    public static BatchMix Draw(MixOptions options, int width, int height, Rng rng)
    {
        BatchMix none = new(1, null);
        if (!options.IsOn || rng.NextDouble() >= options.Probability) return none;
        bool cut = options.Mixup == 0 || (options.Cutmix > 0 && rng.NextDouble() < options.SwitchProbability);
        double alpha = cut ? options.Cutmix : options.Mixup, lambda = Beta(rng, alpha);
        if (!cut) return new BatchMix(lambda, null);
        double side = Math.Sqrt(1 - lambda);
        int cutWidth = (int)(width * side), cutHeight = (int)(height * side), x = rng.NextInt(width), y = rng.NextInt(height);
        int left = Math.Clamp(x - (cutWidth / 2), 0, width), right = Math.Clamp(x + (cutWidth / 2), 0, width);
        int top = Math.Clamp(y - (cutHeight / 2), 0, height), bottom = Math.Clamp(y + (cutHeight / 2), 0, height);
        PixelBox box = new(left, top, right - left, bottom - top);
        return new BatchMix(1 - ((double)box.Width * box.Height / ((double)width * height)), box);
    }

    /// <summary>Mixes pixels in place.</summary>
    /// <param name="pixels">[B, …, H, W].</param>
    /// <param name="count">B.</param>
    /// <param name="width">W.</param>
    /// <param name="height">H.</param>
    public void Apply(Span<float> pixels, int count, int width, int height)
    {
        if (Lambda == 1) return;
        int length = pixels.Length / count;
        for (int i = 0; i < count / 2; i++)
        {
            Span<float> first = pixels.Slice(i * length, length), second = pixels.Slice((count - 1 - i) * length, length);
            if (Box is { } box) Swap(first, second, box, width, height);
            else Mix(first, second);
        }
    }

    /// <summary>The targets of the mixed batch, [B, K].</summary>
    /// <param name="labels">[B]; read where there are no targets.</param>
    /// <param name="targets">[B, K], or none.</param>
    /// <param name="classes">K.</param>
    public float[] Targets(ReadOnlySpan<int> labels, ReadOnlySpan<float> targets, int classes)
    {
        int count = labels.Length;
        float[] own = new float[count * classes], mixed = new float[count * classes];
        if (targets.IsEmpty) for (int i = 0; i < count; i++) own[(i * classes) + labels[i]] = 1;
        else targets.CopyTo(own);
        float stays = (float)Lambda, comes = (float)(1 - Lambda);
        for (int i = 0; i < count; i++)
        {
            for (int k = 0; k < classes; k++)
                mixed[(i * classes) + k] = (stays * own[(i * classes) + k]) + (comes * own[((count - 1 - i) * classes) + k]);
        }

        return mixed;
    }

    private static void Swap(Span<float> first, Span<float> second, PixelBox box, int width, int height)
    {
        for (int row = box.Top; row < first.Length / width; row++)
        {
            if (row % height < box.Top || row % height >= box.Top + box.Height) continue;
            for (int at = (row * width) + box.Left; at < (row * width) + box.Left + box.Width; at++)
                (first[at], second[at]) = (second[at], first[at]);
        }
    }

    private void Mix(Span<float> first, Span<float> second)
    {
        float stays = (float)Lambda, comes = (float)(1 - Lambda);
        for (int i = 0; i < first.Length; i++)
            (first[i], second[i]) = ((stays * first[i]) + (comes * second[i]), (stays * second[i]) + (comes * first[i]));
    }

    /// <summary>Beta(α, α), from two gamma draws.</summary>
    private static double Beta(Rng rng, double alpha)
    {
        double a = Gamma(rng, alpha), b = Gamma(rng, alpha);
        return a + b > 0 ? a / (a + b) : rng.NextInt(2);      // both underflow for a tiny α, whose λ is 0 or 1
    }

    /// <summary>Gamma(α, 1) by Marsaglia and Tsang's method.</summary>
    private static double Gamma(Rng rng, double alpha)
    {
        if (alpha < 1) return Gamma(rng, alpha + 1) * Math.Pow(1 - rng.NextDouble(), 1 / alpha);
        double d = alpha - (1.0 / 3), c = 1 / Math.Sqrt(9 * d);
        while (true)
        {
            double x = rng.NextNormal(), v = 1 + (c * x);
            if (v <= 0) continue;
            v = v * v * v;
            if (Math.Log(1 - rng.NextDouble()) < (0.5 * x * x) + d - (d * v) + (d * Math.Log(v))) return d * v;
        }
    }
}
