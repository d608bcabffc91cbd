
namespace AdaptFormer.Training.Metrics;

/// <summary>The place of a label among the logits of a sample, which top-1 and top-5 count.</summary>
internal static class LabelRank
{
    /// <summary>
    /// Number of classes ahead of <paramref name="label"/>: those with a larger logit, or with an equal one and a smaller index.
    /// A logit that is not finite never hits, because a model that has diverged must not score.
    /// </summary>
    /// <param name="logits">[K].</param>
    /// <param name="label">In [0, K).</param>
    /// <returns>0 for the best class; <see cref="int.MaxValue"/> where the label's own logit is not finite.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The label is not a class.</exception>
    public static int Of(ReadOnlySpan<float> logits, int label)
    {
        if ((uint)label >= (uint)logits.Length)
        {
            throw new ArgumentOutOfRangeException(
                nameof(label), label, $"The model has {logits.Length} classes, labels must be in [0, {logits.Length}).");
        }

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
}
