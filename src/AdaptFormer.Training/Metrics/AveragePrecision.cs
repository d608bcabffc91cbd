
namespace AdaptFormer.Training.Metrics;

/// <summary>Which of the two definitions of average precision in use is meant; without ties and empty classes they agree.</summary>
public enum ApDefinition
{
    /// <summary>Mean of the precision at each positive, ties in the order of the samples, divided by positives + 1e-8: the code behind
    /// the NUS-WIDE figures of ASL and AdaptFormer.</summary>
    Asl,

    /// <summary>Σ (Rₙ - Rₙ₋₁)·Pₙ over distinct scores, so tied samples count as one threshold: scikit-learn's.</summary>
    ScikitLearn,
}

/// <summary>Average precision of multi-label predictions, per class and as a mean.</summary>
public static class AveragePrecision
{
    /// <summary>Average precision of each class, as a fraction in [0, 1]; 0 for a class without positives, in both definitions.</summary>
    /// <param name="scores">[N, K], larger means more likely; any monotone scale.</param>
    /// <param name="targets">[N, K], whether the label holds.</param>
    /// <param name="classes">K, at least 1.</param>
    /// <param name="definition">How ties count.</param>
    /// <returns>[K].</returns>
    /// <exception cref="ArgumentException">The lengths do not agree, or a score is not a number.</exception>
    public static double[] PerClass(ReadOnlySpan<float> scores, ReadOnlySpan<bool> targets, int classes, ApDefinition definition)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(classes, 1);
        if (scores.Length != targets.Length || scores.Length % classes != 0)
            throw new ArgumentException(
                $"AveragePrecision: {scores.Length} scores and {targets.Length} targets are not two tables of {classes} classes.");

        int rows = scores.Length / classes;
        double[] result = new double[classes];
        float[] column = new float[rows];
        bool[] hits = new bool[rows];
        int[] order = new int[rows];
        for (int c = 0; c < classes; c++)
        {
            for (int row = 0; row < rows; row++)
            {
                float score = scores[(row * classes) + c];
                if (float.IsNaN(score))
                    throw new ArgumentException($"AveragePrecision: the score of sample {row}, class {c} is not a number.");
                (column[row], hits[row], order[row]) = (-score, targets[(row * classes) + c], row);
            }

            // Sorting pairs keeps ties in the order of the samples, which Array.Sort alone does not promise.
            (float, int)[] keys = [.. column.Select((score, row) => (score, row))];
            Array.Sort(keys, order);
            result[c] = definition == ApDefinition.Asl ? Asl(order, hits) : ScikitLearn(order, hits, column);
        }

        return result;
    }

    /// <summary>Mean average precision in percent: the mean over all classes, or only over those that have positives.</summary>
    /// <param name="perClass">[K], from <see cref="PerClass"/>.</param>
    /// <param name="positives">[K], number of positives of each class; classes with none are left out when given.</param>
    /// <returns>NaN when no class is left.</returns>
    public static double MeanPercent(ReadOnlySpan<double> perClass, ReadOnlySpan<int> positives = default)
    {
        RunningMean mean = new();
        for (int c = 0; c < perClass.Length; c++)
            if (positives.IsEmpty || positives[c] > 0) mean.Add(100 * perClass[c]);
        return mean.Value;
    }

    private static double Asl(int[] order, bool[] hits)
    {
        int positives = 0;
        double precisions = 0;
        for (int i = 0; i < order.Length; i++)
            if (hits[order[i]]) precisions += (double)++positives / (i + 1);
        return precisions / (positives + 1e-8);
    }

    private static double ScikitLearn(int[] order, bool[] hits, float[] negatedScores)
    {
        int total = hits.Count(hit => hit), positives = 0, counted = 0;
        if (total == 0) return 0;
        double sum = 0;
        for (int i = 0; i < order.Length; i++)
        {
            if (hits[order[i]]) positives++;
            bool lastOfTie = i + 1 == order.Length || negatedScores[order[i + 1]] != negatedScores[order[i]];
            if (!lastOfTie) continue;
            sum += (double)(positives - counted) / total * positives / (i + 1);
            counted = positives;
        }

        return sum;
    }
}
