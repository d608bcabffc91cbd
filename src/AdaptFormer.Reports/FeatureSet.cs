using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Images;
using AdaptFormer.Data.Loading;
using AdaptFormer.Models;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Reports;

/// <summary>What a model makes of some items, ahead of its classifier.</summary>
public sealed class FeatureSet
{
    private const int Batch = 16;
    private readonly List<float> _values = [];
    private readonly List<int> _items = [], _labels = [];

    private FeatureSet(SampleMaker samples) => (Data, Orientation) = (samples.Data, samples.Orientation);

    /// <summary>Where the items are from.</summary>
    public LabelledDataset Data { get; }

    /// <summary>Whether the items were turned as their files say.</summary>
    public OrientationRule Orientation { get; }

    /// <summary>The items, by index.</summary>
    public IReadOnlyList<int> Items => _items;

    /// <summary>Their classes, the first of several; -1 for none.</summary>
    public IReadOnlyList<int> Labels => _labels;

    /// <summary>Number of items.</summary>
    public int Count => _items.Count;

    /// <summary>All features, [Count, C].</summary>
    public float[] Values => [.. _values];

    /// <summary>Features of one, [C].</summary>
    public IEnumerable<float> Row(int i) => _values.GetRange(i * (_values.Count / Count), _values.Count / Count);

    /// <summary>Takes items of the whole set, drawn at random where there are too many; those that cannot be read are left out.</summary>
    /// <param name="model">The model.</param>
    /// <param name="samples">The set.</param>
    /// <param name="most">Most items.</param>
    /// <param name="seed">Names which items are drawn, and the draws of transforms with chance.</param>
    /// <param name="label">Class of an item; the data's own if null.</param>
    public static FeatureSet Of(Backbone model, SampleMaker samples, int most, long seed, Func<int, int>? label = null)
    {
        label ??= samples.Data.Label;
        FeatureSet set = new(samples);
        using IDisposable scratch = samples.CreateScratch();
        List<int> batch = [];
        using TensorScope scope = new();
        Shape shape = new([Batch, .. samples.Dims]);
        float[] inputs = new float[shape.Length];
        foreach (int item in Drawn(samples.Data.Count, most, seed))
        {
            try
            {
                samples.Make(item * samples.Views, new Rng(seed), inputs.AsSpan(batch.Count * samples.Length, samples.Length), scratch);
                batch.Add(item);
            }
            catch (Exception e) when (e is InvalidDataException or IOException)
            {
                continue;
            }

            if (batch.Count == Batch) set.Take(model, inputs, shape, batch, label);
        }

        if (batch.Count > 0) set.Take(model, inputs, shape, batch, label);
        return set;
    }

    // At random and not at even steps: in a list whose classes take turns, steps meet the same few classes again and again.
    private static IEnumerable<int> Drawn(int count, int most, long seed)
    {
        int[] order = [.. Enumerable.Range(0, count)];
        if (count > most) new Rng(seed).Shuffle<int>(order);
        return order.Take(most).Order();
    }

    private void Take(Backbone model, float[] inputs, Shape shape, List<int> batch, Func<int, int> label)
    {
        using TensorScope pass = new();
        _values.AddRange(model.RunBefore(model.Blocks.Count + 1, Tensor.From(inputs, shape).SliceBatch(0, batch.Count)).ToArray());
        _items.AddRange(batch);
        _labels.AddRange(batch.Select(label));
        batch.Clear();
    }
}
