namespace AdaptFormer.Runs.Statistics;

/// <summary>How far one row of a table lies from the best one, on the same test pictures.</summary>
/// <param name="Points">Its accuracy minus the best one's, in points of percent, averaged over the seeds.</param>
/// <param name="Low">Lower end of the 95 % bootstrap interval of that, in points.</param>
/// <param name="High">Upper end.</param>
/// <param name="PValue">p of McNemar's exact test; null with several seeds, whose answers to one picture are not independent.</param>
/// <param name="Significant">Whether the difference is more than chance at the 5 % level: by McNemar's test with one seed, by the
/// interval with several. Not corrected for
/// the number of rows.</param>
public sealed record Difference(double Points, double Low, double High, double? PValue, bool Significant)
{
    private const double Level = 0.05;

    /// <summary>Compares two rows.</summary>
    /// <param name="row">For every seed, whether each picture was right.</param>
    /// <param name="best">The same of the best row.</param>
    /// <exception cref="ArgumentException">The two were not scored on the same pictures under as many seeds.</exception>
    public static Difference Between(IReadOnlyList<bool[]> row, IReadOnlyList<bool[]> best)
    {
        if (row.Count != best.Count || row.Zip(best).Any(pair => pair.First.Length != pair.Second.Length))
            throw new ArgumentException("Difference: both rows need the same seeds and the same test pictures.");

        sbyte[][] differences = [.. row.Zip(best, (a, b) => (sbyte[])[.. a.Zip(b, (x, y) => (sbyte)((x ? 1 : 0) - (y ? 1 : 0)))])];
        (double low, double high) = PairedBootstrap.Interval(differences, 1 - Level);
        double points = differences.Average(seed => seed.Average(d => (double)d));
        double? p = differences is [var only] ? McNemar.PValue(only.Count(d => d > 0), only.Count(d => d < 0)) : null;
        return new Difference(100 * points, 100 * low, 100 * high, p, p is { } value ? value < Level : low > 0 || high < 0);
    }
}
