using AdaptFormer.Tensors;

namespace AdaptFormer.Data.Loading;

/// <summary>In which order an epoch visits the pictures, and each sample's own random stream: functions of seed, epoch and index
/// alone.</summary>
public static class EpochOrder
{
    // Keeps the order's stream apart from the samples' streams, whose second step is an index of at least 0.
    private const long OrderStream = -1;

    /// <summary>Every index in [0, <paramref name="count"/>) once; in order, or shuffled by (seed, epoch).</summary>
    public static int[] For(int count, bool shuffle, long seed, int epoch)
    {
        int[] order = new int[count];
        for (int i = 0; i < count; i++) order[i] = i;
        if (shuffle) new Rng(seed).Derive(epoch, OrderStream).Shuffle<int>(order);
        return order;
    }

    /// <summary>The random stream of one sample in one epoch.</summary>
    /// <param name="root">The stream named by the seed.</param>
    /// <param name="epoch">Epoch.</param>
    /// <param name="index">Position of the picture in the data set.</param>
    /// <param name="into">Becomes that stream.</param>
    public static void Sample(Rng root, int epoch, int index, Rng into) => root.DeriveInto(into, epoch, index);
}
