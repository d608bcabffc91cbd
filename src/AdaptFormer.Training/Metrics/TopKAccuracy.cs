namespace AdaptFormer.Training.Metrics;

/// <summary>Top-1 and top-k accuracy over any number of batches. Not safe for several threads at once.</summary>
/// <param name="k">The wider k, at least 1; with fewer classes every finite prediction hits.</param>
public sealed class TopKAccuracy(int k = 5)
{
    private long _top1, _topK;

    /// <summary>Samples seen.</summary>
    public long Count { get; private set; }

    /// <summary>The wider k.</summary>
    public int K { get; } = k >= 1 ? k : throw new ArgumentOutOfRangeException(nameof(k), k, "TopKAccuracy: k must be at least 1.");

    /// <summary>Percent of samples whose label has the largest logit; NaN before the first sample.</summary>
    public double Top1 => Count == 0 ? double.NaN : 100.0 * _top1 / Count;

    /// <summary>Percent of samples whose label is among the k largest logits; NaN before the first sample.</summary>
    public double TopK => Count == 0 ? double.NaN : 100.0 * _topK / Count;

    /// <summary>Counts a batch.</summary>
    /// <param name="logits">[B, K], row by row.</param>
    /// <param name="labels">[B], each in [0, K).</param>
    /// <exception cref="ArgumentException">The lengths do not agree or a label is out of range.</exception>
    public void Add(ReadOnlySpan<float> logits, ReadOnlySpan<int> labels)
    {
        if (labels.IsEmpty) return;
        if (logits.Length % labels.Length != 0)
            throw new ArgumentException($"TopKAccuracy: {logits.Length} logits cannot be {labels.Length} rows.");

        int classes = logits.Length / labels.Length;
        for (int row = 0; row < labels.Length; row++)
        {
            int rank = Rank(logits.Slice(row * classes, classes), labels[row]);
            if (rank < 1) _top1++;
            if (rank < K) _topK++;
        }

        Count += labels.Length;
    }

    /// <summary>
    /// How many classes come before <paramref name="label"/>: those with a larger logit, or an equal one and a smaller index.
    /// A logit that is not finite never hits: a model that has diverged must not score.
    /// </summary>
    /// <param name="logits">[K].</param>
    /// <param name="label">In [0, K).</param>
    /// <exception cref="ArgumentOutOfRangeException">The label is not a class.</exception>
    public static int Rank(ReadOnlySpan<float> logits, int label)
    {
        if ((uint)label >= (uint)logits.Length)
            throw new ArgumentOutOfRangeException(nameof(label), label, $"TopKAccuracy: the model has {logits.Length} classes, labels must be in [0, {logits.Length}).");

        float own = logits[label];
        if (!float.IsFinite(own)) return int.MaxValue;
        int rank = 0;
        for (int i = 0; i < logits.Length; i++)
        {
            float other = logits[i];
            if (other > own || float.IsNaN(other) || (other == own && i < label)) rank++;
        }

        return rank;
    }

    /// <summary>Forgets everything, for the next epoch.</summary>
    public void Reset() => (_top1, _topK, Count) = (0, 0, 0);
}
