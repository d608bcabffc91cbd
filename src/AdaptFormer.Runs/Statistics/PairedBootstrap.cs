using AdaptFormer.Tensors;

namespace AdaptFormer.Runs.Statistics;

/// <summary>The percentile bootstrap of a mean difference between two classifiers that saw the same pictures under the same
/// seeds.</summary>
/// <remarks>Efron, Ann. Statist. 7 (1979). Seeds and pictures are both drawn anew, with replacement, so that the interval covers which
/// pictures the test happened to hold and, as far as a few seeds can tell, how training happened to go.</remarks>
public static class PairedBootstrap
{
    /// <summary>Draws behind every interval.</summary>
    public const int Resamples = 10_000;

    /// <summary>The interval that holds the mean difference with probability <paramref name="level"/>.</summary>
    /// <param name="differences">For every seed, one number a picture: 1 when only the first is right, -1 when only the second is, else
    /// 0.</param>
    /// <param name="level">In (0, 1).</param>
    /// <param name="seed">Names the draws: the same seed gives the same interval.</param>
    /// <returns>Its ends, in [-1, 1].</returns>
    /// <exception cref="ArgumentException">There are no seeds or no pictures, or seeds with different numbers of pictures.</exception>
    public static (double Low, double High) Interval(IReadOnlyList<sbyte[]> differences, double level = 0.95, long seed = 0)
    {
        if (differences.Count == 0 || differences[0].Length == 0) throw new ArgumentException("PairedBootstrap: no pictures to draw from.");
        int pictures = differences[0].Length, seeds = differences.Count;
        if (differences.Any(row => row.Length != pictures))
            throw new ArgumentException("PairedBootstrap: every seed needs the same pictures.");

        Rng rng = new(seed);
        double[] means = new double[Resamples];
        int[] sums = new int[pictures];
        for (int draw = 0; draw < Resamples; draw++)
        {
            if (draw == 0 || seeds > 1) Sum(differences, sums, rng);
            long total = 0;
            for (int i = 0; i < pictures; i++) total += sums[rng.NextInt(pictures)];
            means[draw] = (double)total / ((long)pictures * seeds);
        }

        Array.Sort(means);
        return (Quantile(means, (1 - level) / 2), Quantile(means, (1 + level) / 2));
    }

    private static void Sum(IReadOnlyList<sbyte[]> differences, int[] sums, Rng rng)
    {
        Array.Clear(sums);
        for (int s = 0; s < differences.Count; s++)
        {
            sbyte[] drawn = differences[rng.NextInt(differences.Count)];
            for (int i = 0; i < sums.Length; i++) sums[i] += drawn[i];
        }
    }

    // The smallest value that at least a share q of all draws does not exceed.
    private static double Quantile(double[] sorted, double q) =>
        sorted[Math.Clamp((int)Math.Ceiling((q * sorted.Length) - 1e-9) - 1, 0, sorted.Length - 1)];
}
