namespace AdaptFormer.Training.Metrics;

/// <summary>
/// Merges several views (clips, crops) of one sample into one prediction: the mean of the raw logits over its views. Views may
/// come in any order and batch. Not safe for several threads at once.
/// </summary>
/// <param name="classes">Number of classes K, at least 1.</param>
public sealed class ViewMerger(int classes)
{
    private readonly SortedDictionary<int, Sample> _samples = [];

    /// <summary>Samples of which at least one view has come.</summary>
    public int Count => _samples.Count;

    /// <summary>Adds one view.</summary>
    /// <param name="sample">Index of the sample that it shows.</param>
    /// <param name="label">The sample's label, the same for all its views.</param>
    /// <param name="logits">[K].</param>
    /// <exception cref="ArgumentException">The logits have another length, or the label differs from an earlier view's.</exception>
    public void Add(int sample, int label, ReadOnlySpan<float> logits)
    {
        if (logits.Length != classes) throw new ArgumentException($"ViewMerger: expected {classes} logits, got {logits.Length}.", nameof(logits));
        if (!_samples.TryGetValue(sample, out Sample? entry)) _samples.Add(sample, entry = new Sample(label, classes));
        if (entry.Label != label) throw new ArgumentException($"ViewMerger: sample {sample} has label {entry.Label} in one view and {label} in another.", nameof(label));

        for (int i = 0; i < classes; i++) entry.Sum[i] += logits[i];
        entry.Views++;
    }

    /// <summary>The merged predictions, by ascending sample index.</summary>
    /// <returns>Index, label, number of views and mean logits [K] of each sample.</returns>
    public IEnumerable<(int Sample, int Label, int Views, float[] Logits)> Merged() =>
        _samples.Select(pair => (pair.Key, pair.Value.Label, pair.Value.Views, pair.Value.Mean()));

    private sealed class Sample(int label, int classes)
    {
        public readonly int Label = label;
        public readonly double[] Sum = new double[classes];
        public int Views;

        public float[] Mean() => [.. Sum.Select(sum => (float)(sum / Views))];
    }
}
