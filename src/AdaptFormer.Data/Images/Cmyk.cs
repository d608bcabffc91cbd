namespace AdaptFormer.Data.Images;

/// <summary>Inks to colours.</summary>
internal static class Cmyk
{
    /// <summary>
    /// Pillow's arithmetic on inks stored inverted, as Adobe programs write them: with n = K (255: no black) each channel is
    /// n - (255 - C)·n / 255, the division rounded by shifts.
    /// </summary>
    /// <param name="cmyk">Four bytes a pixel.</param>
    /// <param name="rgb">Receives three bytes a pixel; may begin where <paramref name="cmyk"/> does.</param>
    public static void ToRgb(ReadOnlySpan<byte> cmyk, Span<byte> rgb)
    {
        for (int i = 0, o = 0; o < rgb.Length; i += 4, o += 3)
        {
            int n = cmyk[i + 3];
            (rgb[o], rgb[o + 1], rgb[o + 2]) = (Channel(cmyk[i], n), Channel(cmyk[i + 1], n), Channel(cmyk[i + 2], n));
        }
    }

    private static byte Channel(int ink, int n)
    {
        int t = ((255 - ink) * n) + 128;
        return (byte)Math.Clamp(n - (((t >> 8) + t) >> 8), 0, 255);
    }
}
