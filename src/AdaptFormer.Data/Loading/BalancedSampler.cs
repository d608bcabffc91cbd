using AdaptFormer.Data.Datasets;
using AdaptFormer.Tensors;

namespace AdaptFormer.Data.Loading;

/// <summary>
/// Draws as many samples as there are, with replacement, so that every class is equally likely whatever its size: an item's weight is 1/n
/// of its class, or the mean of that over its classes. An item without any class weighs as one of the largest. A draw depends on seed,
/// epoch and place alone.
/// </summary>
public sealed class BalancedSampler
{
    // Keeps these draws apart from the shuffles and the samples' own streams.
    private const long DrawStream = -2;
    private readonly double[] _cumulative;

    /// <summary>Reads the labels of all items.</summary>
    /// <param name="samples">What is drawn from.</param>
    public BalancedSampler(SampleMaker samples)
    {
        LabelledDataset data = samples.Data;
        int[] counts = data.CountPerClass();
        double smallest = 1.0 / Math.Max(1, counts.Max());
        _cumulative = new double[samples.Count];
        double sum = 0;
        for (int i = 0; i < _cumulative.Length; i++)
        {
            IReadOnlyList<int> labels = data.Labels(i / samples.Views);
            sum += labels.Count == 0 ? smallest : labels.Average(label => 1.0 / counts[label]);
            _cumulative[i] = sum;
        }
    }

    /// <summary>The samples of an epoch.</summary>
    /// <param name="seed">The loader's seed.</param>
    /// <param name="epoch">Epoch.</param>
    public int[] Draw(long seed, int epoch)
    {
        Rng rng = new Rng(seed).Derive(epoch, DrawStream);
        int[] drawn = new int[_cumulative.Length];
        for (int i = 0; i < drawn.Length; i++)
        {
            int at = Array.BinarySearch(_cumulative, rng.NextDouble() * _cumulative[^1]);
            drawn[i] = Math.Min(at < 0 ? ~at : at + 1, drawn.Length - 1);
        }

        return drawn;
    }
}
