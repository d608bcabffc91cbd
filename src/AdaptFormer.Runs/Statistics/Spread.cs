namespace AdaptFormer.Runs.Statistics;

/// <summary>The same figure under several seeds.</summary>
/// <param name="Mean">Their mean.</param>
/// <param name="Std">Their sample standard deviation (divided by n - 1); null for a single one.</param>
/// <param name="Values">Each of them, in the order of the seeds.</param>
public sealed record Spread(double Mean, double? Std, IReadOnlyList<double> Values)
{
    /// <summary>Of some values; null when there are none, or when any is missing.</summary>
    public static Spread? Of(IEnumerable<double?> values)
    {
        double?[] all = [.. values];
        if (all.Length == 0 || all.Any(value => value is null)) return null;
        double[] known = [.. all.Select(value => value!.Value)];
        double mean = known.Average();
        return new Spread(mean, known.Length > 1 ? Math.Sqrt(known.Sum(v => (v - mean) * (v - mean)) / (known.Length - 1)) : null, known);
    }
}
