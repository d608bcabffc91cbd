
namespace AdaptFormer.Training.Metrics;

/// <summary>Average precision of predictions that come batch by batch. Five bytes for each picture and class are kept.</summary>
/// <param name="classes">K, at least 1.</param>
public sealed class MultiLabelScores(int classes)
{
    private readonly List<float> _scores = [];
    private readonly List<bool> _targets = [];

    /// <summary>K.</summary>
    public int Classes => classes;

    /// <summary>Pictures of each class.</summary>
    public int[] Positives
    {
        get
        {
            int[] positives = new int[classes];
            for (int i = 0; i < _targets.Count; i++)
            {
                if (_targets[i]) positives[i % classes]++;
            }

            return positives;
        }
    }

    /// <summary>Adds a picture.</summary>
    /// <param name="logits">[K]; what is not a number ranks last, as everything of a picture that could not be read.</param>
    /// <param name="targets">[K], 0 or 1.</param>
    /// <param name="readable">Whether it could be read.</param>
    public void Add(ReadOnlySpan<float> logits, ReadOnlySpan<float> targets, bool readable = true)
    {
        for (int k = 0; k < classes; k++)
        {
            _scores.Add(readable && !float.IsNaN(logits[k]) ? logits[k] : float.NegativeInfinity);
            _targets.Add(targets[k] >= 0.5f);
        }
    }

    /// <summary>The logits of a picture, [K]; negative infinity where it could not be read.</summary>
    /// <param name="picture">Its number, in the order in which they came.</param>
    public IReadOnlyList<float> Logits(int picture) => _scores.GetRange(picture * classes, classes);

    /// <summary>Average precision of each class, as a fraction; see <see cref="AveragePrecision"/>.</summary>
    public double[] PerClass(ApDefinition definition) => AveragePrecision.PerClass([.. _scores], [.. _targets], classes, definition);

    /// <summary>
    /// Precision, recall, F1 and area under the ROC curve of each class, [K]; a class is answered where its probability is above one half.
    /// Items that could not be read answer nothing and rank last.
    /// </summary>
    public IReadOnlyList<ClassMetrics> Metrics()
    {
        int items = _targets.Count / classes;
        float[] column = new float[items];
        bool[] held = new bool[items];
        ClassMetrics[] metrics = new ClassMetrics[classes];
        for (int k = 0; k < classes; k++)
        {
            int having = 0, answered = 0, both = 0;
            for (int i = 0; i < items; i++)
            {
                (column[i], held[i]) = (_scores[(i * classes) + k], _targets[(i * classes) + k]);
                if (held[i]) having++;
                if (column[i] > 0) answered++;
                if (held[i] && column[i] > 0) both++;
            }

            metrics[k] = ClassMetrics.Of(k, having, answered, both, RocAuc.Of(column, held));
        }

        return metrics;
    }

    /// <summary>Ends of the 95 % interval of the mean average precision in percent; null where there is none.</summary>
    public (double Low, double High)? Interval() => MapInterval.Of(_scores, _targets, classes);

    /// <summary>Their mean in percent: over all classes in the definition of ASL, over those that occur in scikit-learn's.</summary>
    public double MeanPercent(ApDefinition definition) =>
        AveragePrecision.MeanPercent(PerClass(definition), definition == ApDefinition.Asl ? default : Positives);
}
