using AdaptFormer.Tensors;

namespace AdaptFormer.Inference;

/// <summary>Merges the views of an item, which come one after the other, into the mean of their raw logits.</summary>
/// <param name="views">Views of each item, at least 1.</param>
public sealed class ViewMean(int views)
{
    private double[] _sum = [];
    private int _seen, _label;

    /// <summary>Takes the item's logits, label and targets.</summary>
    public delegate void Take(Tensor logits, ReadOnlySpan<int> labels, ReadOnlySpan<float> targets);

    /// <summary>Adds views in order; each finished item is handed to <paramref name="take"/> as one row.</summary>
    /// <param name="logits">[B, K].</param>
    /// <param name="labels">[B].</param>
    /// <param name="targets">[B, K], or none.</param>
    /// <param name="take">Called once an item.</param>
    public void Add(Tensor logits, ReadOnlySpan<int> labels, ReadOnlySpan<float> targets, Take take)
    {
        int classes = logits.Shape[1];
        float[] rows = logits.ToArray();
        if (_sum.Length == 0) _sum = new double[classes];
        for (int i = 0; i < labels.Length; i++)
        {
            ReadOnlySpan<float> row = rows.AsSpan(i * classes, classes);
            for (int k = 0; k < classes; k++) _sum[k] += row[k];
            _label = _seen == 0 || labels[i] < 0 ? labels[i] : _label;       // one view that cannot be read makes the item one
            if (++_seen < views) continue;
            take(Tensor.From([.. _sum.Select(sum => (float)(sum / views))], new Shape(1, classes)), [_label], targets.IsEmpty
                ? default : targets.Slice(i * classes, classes));
            Array.Clear(_sum);
            _seen = 0;
        }
    }
}
