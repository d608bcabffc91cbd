
namespace AdaptFormer.Training.Metrics;

/// <summary>The scores of every item for every class, kept to rank the items of each class among all others.</summary>
/// <param name="classes">K, at least 1.</param>
internal sealed class RocAuc(int classes)
{
    /// <summary>Most scores that are kept: 256 MB of them.</summary>
    public const long MostScores = 1L << 26;

    private readonly List<float> _scores = [];
    private readonly List<int> _labels = [];
    private bool _full;

    /// <summary>Adds a readable item of one class.</summary>
    /// <param name="logits">[K].</param>
    /// <param name="label">Its class.</param>
    public void Add(ReadOnlySpan<float> logits, int label)
    {
        _full |= _scores.Count + (long)classes > MostScores;
        if (_full) return;
        _labels.Add(label);

        // The logarithm of p/(1 - p) in place of the probability p of the softmax: the same order, and no ties where p rounds to 1.
        int best = 0;
        for (int k = 1; k < classes; k++) if (logits[k] > logits[best]) best = k;
        double rest = 0;
        for (int k = 0; k < classes; k++) if (k != best) rest += Math.Exp(logits[k] - logits[best]);
        for (int k = 0; k < classes; k++)
        {
            double own = logits[k] - logits[best], others = k == best ? rest : 1 + rest - Math.Exp(own);
            _scores.Add((float)(own - Math.Log(others)));
        }
    }

    /// <summary>The area of each class as a fraction, [K]; all null if there were too many scores to keep.</summary>
    public double?[] PerClass()
    {
        double?[] areas = new double?[classes];
        if (_full) return areas;
        float[] scores = new float[_labels.Count];
        bool[] positive = new bool[_labels.Count];
        for (int k = 0; k < classes; k++)
        {
            for (int i = 0; i < scores.Length; i++) (scores[i], positive[i]) = (_scores[(i * classes) + k], _labels[i] == k);
            areas[k] = Of(scores, positive);
        }

        return areas;
    }

    /// <summary>
    /// The area under the ROC curve: the share of pairs of a positive and a negative in which the positive has the higher score, ties as
    /// half. Null without positives or negatives. Sorts both arguments.
    /// </summary>
    /// <param name="scores">Any scale that grows with the probability.</param>
    /// <param name="positive">Whether the class holds.</param>
    public static double? Of(float[] scores, bool[] positive)
    {
        Array.Sort(scores, positive);
        double pairs = 0;
        long positives = 0, negatives = 0;
        for (int start = 0; start < scores.Length;)
        {
            int end = start, held = 0;
            for (; end < scores.Length && scores[end].Equals(scores[start]); end++) if (positive[end]) held++;
            int others = end - start - held;
            pairs += held * (negatives + (0.5 * others));
            (positives, negatives, start) = (positives + held, negatives + others, end);
        }

        return positives == 0 || negatives == 0 ? null : pairs / positives / negatives;
    }
}
