using AdaptFormer.Distributed;
using AdaptFormer.Tensors;

namespace AdaptFormer.Training.Loop;

/// <summary>Sums gradients over ranks, in the order of their batches or as fast as it goes.</summary>
internal abstract class RankSum : IDisposable
{
    /// <summary>By the devices where they can exchange numbers, else by the host.</summary>
    /// <param name="gradients">This rank's.</param>
    /// <param name="ranks">The ranks, two at least, which all ask.</param>
    /// <exception cref="ExchangeException">Another process does not answer.</exception>
    public static RankSum Of(Tensor gradients, Collective ranks) =>
        DeviceSum.TryConnect(gradients, ranks) ?? (RankSum)new HostSum(ranks, checked((int)gradients.Length));

    /// <summary>Begins a sum in order.</summary>
    public abstract void Begin();

    /// <summary>Adds a round.</summary>
    /// <param name="own">This rank's vector; not read if it takes no part.</param>
    /// <param name="taking">Ranks that take part: the first so many.</param>
    /// <exception cref="ExchangeException">Another process does not answer.</exception>
    public abstract void Add(Tensor own, int taking);

    /// <summary>Gives every rank the sum of the rounds.</summary>
    /// <param name="sum">Where to.</param>
    /// <exception cref="ExchangeException">Another process does not answer.</exception>
    public abstract void End(Tensor sum);

    /// <summary>Sums vectors of all ranks in place, in whatever order is fastest.</summary>
    /// <param name="values">This rank's, then the sum.</param>
    /// <exception cref="ExchangeException">Another process does not answer.</exception>
    public abstract void Fast(Tensor values);

    /// <inheritdoc/>
    public abstract void Dispose();
}
