namespace AdaptFormer.Inference;

/// <summary>From the numbers that a classifier answers to named classes.</summary>
public static class ClassScores
{
    /// <summary>The most probable classes, best first.</summary>
    /// <param name="logits">One number for each class.</param>
    /// <param name="labels">Names of the classes.</param>
    /// <param name="multiLabel">Whether a picture may have several classes: each has a sigmoid of its own then, else all share a
    /// softmax.</param>
    /// <param name="topK">How many classes to name at most.</param>
    /// <param name="threshold">Least probability of a class that is named; null: 0.5 where a picture may have several classes, else
    /// 0.</param>
    public static IReadOnlyList<ClassScore> Best(
        ReadOnlySpan<float> logits, IReadOnlyList<string> labels, bool multiLabel, int topK, double? threshold = null)
    {
        double[] probabilities = new double[logits.Length];
        double sum = 0, highest = double.NegativeInfinity, least = threshold ?? (multiLabel ? 0.5 : 0);
        foreach (float logit in logits) highest = Math.Max(highest, logit);
        for (int k = 0; k < probabilities.Length; k++)
            sum += probabilities[k] = multiLabel ? 1 / (1 + Math.Exp(-logits[k])) : Math.Exp(logits[k] - highest);
        double total = multiLabel ? 1 : sum;
        return
        [
            .. Enumerable.Range(0, probabilities.Length).OrderByDescending(k => probabilities[k]).Take(topK)
                .Where(k => probabilities[k] / total >= least || least == 0)
                .Select(k => new ClassScore(labels[k], k, probabilities[k] / total)),
        ];
    }
}
