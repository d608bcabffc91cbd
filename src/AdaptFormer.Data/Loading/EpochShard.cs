namespace AdaptFormer.Data;

/// <summary>
/// Which positions of an epoch's order one of several processes reads, and in which batches. WorldSize · BatchSize consecutive positions
/// make a step; the process of rank r takes the r-th BatchSize of them. So a step sees the same pictures whether one process has a large
/// batch
/// or several have small ones. A last step of fewer pictures is left out everywhere, or divided evenly: then the ranks' last batches
/// differ by at
/// most one picture, and a rank may have no last batch. Every position is read exactly once; none is repeated to fill a batch.
/// </summary>
/// <param name="Count">Pictures of the data set.</param>
/// <param name="BatchSize">Pictures of a full batch of one rank.</param>
/// <param name="DropLast">Whether a step of fewer pictures is left out.</param>
/// <param name="Rank">This process, in [0, <paramref name="WorldSize"/>).</param>
/// <param name="WorldSize">Number of processes.</param>
public readonly record struct EpochShard(int Count, int BatchSize, bool DropLast, int Rank = 0, int WorldSize = 1)
{
    /// <summary>Number of batches of this rank; without <see cref="DropLast"/> other ranks may have one more or one fewer.</summary>
    public int Batches => FullSteps + (LastBatch > 0 ? 1 : 0);

    /// <summary>Number of pictures of this rank.</summary>
    public int Samples => (FullSteps * BatchSize) + LastBatch;

    private long StepSize => (long)BatchSize * WorldSize;

    private int FullSteps => (int)(Count / StepSize);

    /// <summary>Pictures of the step that is not full.</summary>
    private long Rest => DropLast ? 0 : Count % StepSize;

    private int LastBatch => (int)((Rest * (Rank + 1) / WorldSize) - (Rest * Rank / WorldSize));

    /// <summary>Position in the epoch's order of a picture of this rank.</summary>
    /// <param name="sample">The picture among this rank's, in [0, <see cref="Samples"/>); full batches lie one behind the other.</param>
    public int Position(int sample)
    {
        (int step, int slot) = Math.DivRem(sample, BatchSize);
        return (int)((step * StepSize) + slot + (step < FullSteps ? (long)Rank * BatchSize : Rest * Rank / WorldSize));
    }
}
