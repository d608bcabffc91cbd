using AdaptFormer.Tensors;

namespace AdaptFormer.Training.Metrics;

/// <summary>The 95 % percentile bootstrap interval of a mean average precision: pictures are drawn anew, with replacement.</summary>
/// <remarks>Efron, Ann. Statist. 7 (1979). The precision is ASL's; a class of which a draw holds no picture is left out of that draw's
/// mean, and one of which the test data hold none counts 0, as in the figure itself.</remarks>
internal static class MapInterval
{
    private const int Draws = 400;

    // A second or two; larger test data have narrow intervals anyway.
    private const long MostWork = 1L << 30;

    /// <summary>The interval.</summary>
    /// <param name="scores">[N, K], larger means more likely.</param>
    /// <param name="targets">[N, K], whether the label holds.</param>
    /// <param name="classes">K, at least 1.</param>
    /// <returns>Its ends in percent; null without pictures, and where it would take long.</returns>
    public static (double Low, double High)? Of(IReadOnlyList<float> scores, IReadOnlyList<bool> targets, int classes)
    {
        int pictures = scores.Count / classes;
        if (pictures == 0 || (long)scores.Count * Draws > MostWork) return null;
        int[][] ranked = [.. Enumerable.Range(0, classes).Select(Ranked)];
        double occurring = Enumerable.Range(0, classes).Count(k => ranked[k].Any(i => targets[(i * classes) + k])) / (double)classes;
        Rng rng = new(0);
        double[] means = new double[Draws];
        int[] drawn = new int[pictures];
        for (int draw = 0; draw < Draws; draw++)
        {
            Array.Clear(drawn);
            for (int i = 0; i < pictures; i++) drawn[rng.NextInt(pictures)]++;
            RunningMean mean = new();
            for (int k = 0; k < classes; k++)
                if (Precision(ranked[k], k) is { } precision) mean.Add(precision);
            means[draw] = double.IsNaN(mean.Value) ? 0 : 100 * mean.Value * occurring;
        }

        Array.Sort(means);
        return (means[(int)(0.025 * Draws)], means[(int)(0.975 * Draws) - 1]);

        // The pictures by their score for a class, the likeliest first; ties stay in order.
        int[] Ranked(int k) => [.. Enumerable.Range(0, pictures).OrderByDescending(i => scores[(i * classes) + k])];

        double? Precision(int[] order, int k)
        {
            long seen = 0, positives = 0;
            double sum = 0;
            foreach (int i in order)
            {
                for (int copy = 0; copy < drawn[i]; copy++)
                {
                    seen++;
                    if (targets[(i * classes) + k]) sum += (double)++positives / seen;
                }
            }

            return positives == 0 ? null : sum / positives;
        }
    }
}
