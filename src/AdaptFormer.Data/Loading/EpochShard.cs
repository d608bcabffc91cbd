namespace AdaptFormer.Data.Loading;

/// <summary>
/// Which positions of an epoch's order one of several processes reads. The epoch is cut into batches as one process would cut it, and the
/// process of rank r takes the batches r, r + WorldSize, r + 2·WorldSize and so on: a batch holds the same pictures whoever reads it. A
/// last batch of fewer pictures is left out, or is as short as it is. Every position is read exactly once; none is
/// repeated to fill a batch.
/// </summary>
/// <param name="Count">Pictures of the data set.</param>
/// <param name="BatchSize">Pictures of a full batch.</param>
/// <param name="DropLast">Whether a batch of fewer pictures is left out.</param>
/// <param name="Rank">This process, in [0, <paramref name="WorldSize"/>).</param>
/// <param name="WorldSize">Number of processes.</param>
public readonly record struct EpochShard(int Count, int BatchSize, bool DropLast, int Rank = 0, int WorldSize = 1)
{
    /// <summary>Number of batches of all processes together.</summary>
    public int AllBatches => (Count / BatchSize) + (!DropLast && Count % BatchSize > 0 ? 1 : 0);

    /// <summary>Number of pictures of all processes together.</summary>
    public int AllSamples => DropLast ? AllBatches * BatchSize : Count;

    /// <summary>Number of batches of this rank; others may have one more or one fewer.</summary>
    public int Batches => BatchesBefore(AllBatches);

    /// <summary>Number of pictures of this rank.</summary>
    public int Samples => (int)(((long)Batches * BatchSize) - (OwnsShort ? BatchSize - (Count % BatchSize) : 0));

    private bool OwnsShort => !DropLast && Count % BatchSize > 0 && (AllBatches - 1) % WorldSize == Rank;

    /// <summary>How many of the first <paramref name="batches"/> batches of the epoch are this rank's.</summary>
    public int BatchesBefore(int batches) => batches > Rank ? ((batches - Rank - 1) / WorldSize) + 1 : 0;

    /// <summary>Number in the epoch of a batch of this rank.</summary>
    /// <param name="batch">The batch among this rank's, from 0.</param>
    public int NumberOf(int batch) => (batch * WorldSize) + Rank;

    /// <summary>Position in the epoch's order of a picture of this rank.</summary>
    /// <param name="sample">The picture among this rank's, in [0, <see cref="Samples"/>); its batches lie one behind the other.</param>
    public int Position(int sample)
    {
        (int batch, int slot) = Math.DivRem(sample, BatchSize);
        return (int)(((long)NumberOf(batch) * BatchSize) + slot);
    }
}
