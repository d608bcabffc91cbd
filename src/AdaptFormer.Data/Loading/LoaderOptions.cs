namespace AdaptFormer.Data.Loading;

/// <summary>What the loader does with a picture that cannot be read.</summary>
public enum UnreadableImages
{
    /// <summary>The epoch ends with an error that names the file: right for training.</summary>
    Fail,

    /// <summary>Its place in the batch is filled with zeros and labelled <see cref="Batch.Unreadable"/>, so no answer is right: for
    /// scores that must not leave it out.</summary>
    CountAsWrong,
}

/// <summary>How a <see cref="DataLoader"/> makes batches.</summary>
/// <param name="BatchSize">Pictures per batch.</param>
/// <param name="Shuffle">Whether each epoch has its own random order.</param>
/// <param name="DropLast">
/// Whether a last batch of fewer pictures is left out: for training, where batch norms would weigh it as a full one. Otherwise it is
/// kept as short as it is. Batches are never padded.
/// </param>
/// <param name="Workers">Threads that decode and transform; 0 takes half of the cores, at most 8.</param>
/// <param name="Prefetch">Batches that may be in the making or waiting, at least 1.</param>
/// <param name="Seed">Seed of order and augmentation.</param>
/// <param name="Unreadable">What to do with a picture that cannot be read.</param>
/// <param name="Rank">Which of several processes this is, in [0, <paramref name="WorldSize"/>); each reads its own part of every epoch,
/// see <see cref="EpochShard"/>.</param>
/// <param name="WorldSize">Number of processes that share the epoch.</param>
/// <param name="MultiLabel">Whether batches carry targets [B, K]; null: if the data may have several classes an item.</param>
/// <param name="Balanced">Whether an epoch draws its items with replacement, so that every class comes equally often; see
/// <see cref="BalancedSampler"/>.</param>
public sealed record LoaderOptions(
    int BatchSize = 64,
    bool Shuffle = true,
    bool DropLast = false,
    int Workers = 0,
    int Prefetch = 3,
    long Seed = 0,
    UnreadableImages Unreadable = UnreadableImages.Fail,
    int Rank = 0,
    int WorldSize = 1,
    bool? MultiLabel = null,
    bool Balanced = false)
{
    /// <summary>Whether batches hold 8-bit values, where samples are made of such, for a device that normalises them; null: where the
    /// current device is not the host.</summary>
    public bool? Bytes { get; init; }

    /// <summary>Number of worker threads after the default is filled in.</summary>
    public int WorkerCount => Workers > 0 ? Workers : Math.Clamp(Environment.ProcessorCount / 2, 1, 8);

    /// <exception cref="ArgumentOutOfRangeException">A number is out of range.</exception>
    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(BatchSize);
        ArgumentOutOfRangeException.ThrowIfNegative(Workers);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(Prefetch);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(WorldSize);
        ArgumentOutOfRangeException.ThrowIfNegative(Rank);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(Rank, WorldSize);
    }
}
