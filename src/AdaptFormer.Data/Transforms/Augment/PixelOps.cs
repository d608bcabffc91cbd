using AdaptFormer.Data.Images;

namespace AdaptFormer.Data.Transforms.Augment;

/// <summary>Changes of colours in place, in 8 bits, with the results of Pillow's <c>ImageOps</c> and <c>ImageEnhance</c> to the last
/// bit.</summary>
public static class PixelOps
{
    /// <summary>Keeps the upper <paramref name="bits"/> of each channel.</summary>
    /// <param name="image">The picture.</param>
    /// <param name="bits">In [0, 8].</param>
    public static void Posterize(ImageBuffer image, int bits)
    {
        byte mask = (byte)~((1 << (8 - bits)) - 1);
        foreach (ref byte value in image.Pixels) value &= mask;
    }

    /// <summary>Inverts the values from <paramref name="threshold"/> on; 0 inverts all.</summary>
    /// <param name="image">The picture.</param>
    /// <param name="threshold">In [0, 256].</param>
    public static void Solarize(ImageBuffer image, int threshold)
    {
        foreach (ref byte value in image.Pixels)
        {
            if (value >= threshold) value = (byte)(255 - value);
        }
    }

    /// <summary>Adds to the values below <paramref name="threshold"/>.</summary>
    /// <param name="image">The picture.</param>
    /// <param name="add">At least 0.</param>
    /// <param name="threshold">In [0, 256].</param>
    public static void SolarizeAdd(ImageBuffer image, int add, int threshold = 128)
    {
        foreach (ref byte value in image.Pixels)
        {
            if (value < threshold) value = (byte)Math.Min(255, value + add);
        }
    }

    /// <summary>Stretches each channel's values to the whole range.</summary>
    public static void AutoContrast(ImageBuffer image) => ByTables(image, static (counts, table) =>
    {
        int low = 0, high = 255;
        while (low < 255 && counts[low] == 0) low++;
        while (high > 0 && counts[high] == 0) high--;
        double scale = 255.0 / (high - low), offset = -low * scale;
        for (int v = 0; v < 256; v++) table[v] = high <= low ? (byte)v : (byte)Math.Clamp((int)((v * scale) + offset), 0, 255);
    });

    /// <summary>Spreads each channel's values so that all are about equally frequent.</summary>
    public static void Equalize(ImageBuffer image) => ByTables(image, static (counts, table) =>
    {
        int total = 0, last = 0;
        foreach (int count in counts)
        {
            total += count;
            if (count > 0) last = count;
        }

        int step = (total - last) / 255, n = step / 2;
        for (int v = 0; v < 256; v++)
        {
            table[v] = step == 0 ? (byte)v : (byte)Math.Min(255, n / step);
            n += counts[v];
        }
    });

    /// <summary>Blends with the grey picture: 0 is grey, 1 the picture itself.</summary>
    public static void Color(ImageBuffer image, float factor)
    {
        if (factor == 1) return;
        Span<byte> pixels = image.Pixels;
        for (int i = 0; i < pixels.Length; i += 3)
        {
            byte grey = Grey(pixels, i);
            for (int c = 0; c < 3; c++) pixels[i + c] = Blend(grey, pixels[i + c], factor);
        }
    }

    /// <summary>Blends with the mean of the grey picture.</summary>
    public static void Contrast(ImageBuffer image, float factor)
    {
        if (factor == 1) return;
        Span<byte> pixels = image.Pixels;
        long sum = 0;
        for (int i = 0; i < pixels.Length; i += 3) sum += Grey(pixels, i);
        byte mean = (byte)((sum / (pixels.Length / 3.0)) + 0.5);
        ByTable(image, v => Blend(mean, v, factor));
    }

    /// <summary>Blends with black.</summary>
    public static void Brightness(ImageBuffer image, float factor)
    {
        if (factor != 1) ByTable(image, v => Blend(0, v, factor));
    }

    /// <summary>Blends with a smoothed picture, each pixel five times and its neighbours once; the edge stays.</summary>
    /// <param name="image">The picture.</param>
    /// <param name="factor">0 is smooth, 1 the picture itself, above sharpens.</param>
    /// <param name="copy">Room for the picture as it was.</param>
    public static void Sharpness(ImageBuffer image, float factor, ImageBuffer copy)
    {
        if (factor == 1) return;
        copy.CopyFrom(image);
        int stride = image.Stride;
        ReadOnlySpan<byte> from = copy.Pixels;
        Span<byte> to = image.Pixels;
        for (int y = 1; y < image.Height - 1; y++)
        {
            for (int at = (y * stride) + 3; at < ((y + 1) * stride) - 3; at++)
            {
                int sum = 4 * from[at];
                for (int row = at - stride; row <= at + stride; row += stride) sum += from[row - 3] + from[row] + from[row + 3];
                to[at] = Blend((byte)(((2 * sum) + 13) / 26), from[at], factor);       // ⌊sum/13 + ½⌋
            }
        }
    }

    /// <summary>Turns the hue, by way of Pillow's HSV in 8 bits.</summary>
    /// <param name="image">The picture.</param>
    /// <param name="shift">Part of the colour circle, in [-0.5, 0.5].</param>
    public static void Hue(ImageBuffer image, double shift)
    {
        byte turn = unchecked((byte)(int)(shift * 255));
        Span<byte> pixels = image.Pixels;
        for (int i = 0; i < pixels.Length; i += 3)
        {
            (byte h, byte s, byte v) = ToHsv(pixels[i], pixels[i + 1], pixels[i + 2]);
            (pixels[i], pixels[i + 1], pixels[i + 2]) = FromHsv(unchecked((byte)(h + turn)), s, v);
        }
    }

    private static (byte H, byte S, byte V) ToHsv(byte r, byte g, byte b)
    {
        byte most = Math.Max(r, Math.Max(g, b)), least = Math.Min(r, Math.Min(g, b));
        if (most == least) return (0, 0, most);
        float range = most - least, s = range / most, rc = (most - r) / range, gc = (most - g) / range, bc = (most - b) / range;
        float h = r == most ? bc - gc : g == most ? (float)(2.0 + rc - bc) : (float)(4.0 + gc - rc);
        h = (float)(((h / 6.0) + 1.0) % 1.0);
        return ((byte)Math.Clamp((int)(h * 255.0), 0, 255), (byte)Math.Clamp((int)(s * 255.0), 0, 255), most);
    }

    private static (byte R, byte G, byte B) FromHsv(byte h, byte s, byte v)
    {
        if (s == 0) return (v, v, v);
        int sector = (int)Math.Floor(h * 6.0 / 255.0);
        float f = (float)((h * 6.0 / 255.0) - sector), fs = (float)(s / 255.0);
        byte p = Round(v * (1.0 - fs)), q = Round(v * (1.0 - (fs * f))), t = Round(v * (1.0 - (fs * (1.0 - f))));
        return (sector % 6) switch { 0 => (v, t, p), 1 => (q, v, p), 2 => (p, v, t), 3 => (p, q, v), 4 => (t, p, v), _ => (v, p, q) };

        static byte Round(double x) => (byte)Math.Clamp(Math.Round(x, MidpointRounding.AwayFromZero), 0, 255);
    }

    private static byte Grey(ReadOnlySpan<byte> pixels, int i) =>
        (byte)(((pixels[i] * 19595) + (pixels[i + 1] * 38470) + (pixels[i + 2] * 7471) + 0x8000) >> 16);

    private static byte Blend(byte from, byte to, float factor) => (byte)Math.Clamp(from + (factor * (to - from)), 0, 255);

    private static void ByTable(ImageBuffer image, Func<byte, byte> f)
    {
        Span<byte> table = stackalloc byte[256];
        for (int v = 0; v < 256; v++) table[v] = f((byte)v);
        foreach (ref byte value in image.Pixels) value = table[value];
    }

    private delegate void Tabulate(ReadOnlySpan<int> counts, Span<byte> table);

    private static void ByTables(ImageBuffer image, Tabulate tabulate)
    {
        Span<int> counts = stackalloc int[256];
        Span<byte> table = stackalloc byte[256];
        Span<byte> pixels = image.Pixels;
        for (int c = 0; c < 3; c++)
        {
            counts.Clear();
            for (int i = c; i < pixels.Length; i += 3) counts[pixels[i]]++;
            tabulate(counts, table);
            for (int i = c; i < pixels.Length; i += 3) pixels[i] = table[pixels[i]];
        }
    }
}
