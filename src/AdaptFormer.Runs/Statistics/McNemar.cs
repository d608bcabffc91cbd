namespace AdaptFormer.Runs.Statistics;

/// <summary>McNemar's exact test: do two classifiers that saw the same pictures err equally often?</summary>
/// <remarks>Only the pictures count that exactly one of the two has right; were both equally good, each of these would fall either way with
/// probability ½. McNemar, Psychometrika 12 (1947). Exact at every count, so the χ² approximation is not needed.</remarks>
public static class McNemar
{
    /// <summary>The two-sided p-value, min(1, 2·P(X ≤ min(b, c))) with X ~ Binomial(b + c, ½); 1 when the two never differ.</summary>
    /// <param name="onlyFirst">b, pictures that only the first has right, at least 0.</param>
    /// <param name="onlySecond">c, pictures that only the second has right, at least 0.</param>
    public static double PValue(int onlyFirst, int onlySecond)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(onlyFirst);
        ArgumentOutOfRangeException.ThrowIfNegative(onlySecond);
        long n = (long)onlyFirst + onlySecond;
        double log = -n * Math.Log(2), tail = 0;                // log of C(n, k)/2ⁿ, from k = 0 on
        for (int k = 0; k <= Math.Min(onlyFirst, onlySecond); k++)
        {
            tail += Math.Exp(log);
            log += Math.Log((double)(n - k) / (k + 1));
        }

        return Math.Min(1, 2 * tail);
    }
}
