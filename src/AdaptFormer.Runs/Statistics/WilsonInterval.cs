namespace AdaptFormer.Runs.Statistics;

/// <summary>The 95 % interval of a share that was counted: how far the accuracy on so many items can be trusted.</summary>
/// <remarks>Wilson, J. Am. Stat. Assoc. 22 (1927). It stays within 0 and 1 and is not empty where all or none were right. It knows which
/// items the test happened to hold, and nothing of how training happened to go.</remarks>
public static class WilsonInterval
{
    private const double Z = 1.959963984540054;        // the normal distribution's 97.5 % point

    /// <summary>The interval.</summary>
    /// <param name="right">How many of them, from 0 to <paramref name="of"/>.</param>
    /// <param name="of">The number of items, at least 1.</param>
    /// <returns>Its ends, in [0, 1].</returns>
    public static (double Low, double High) Of(int right, int of)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(of, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(right);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(right, of);
        double n = of, p = right / n, scale = 1 + (Z * Z / n);
        double middle = (p + (Z * Z / (2 * n))) / scale, half = Z * Math.Sqrt((p * (1 - p) / n) + (Z * Z / (4 * n * n))) / scale;
        return (right == 0 ? 0 : middle - half, right == of ? 1 : middle + half);
    }
}
