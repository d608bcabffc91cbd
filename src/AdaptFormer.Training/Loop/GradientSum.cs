using AdaptFormer.Distributed;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Training.Loop;

/// <summary>
/// The gradient of a step: the sum of its batches' gradients in the order of the batches, each made in a zeroed buffer. One process and
/// several do the same additions.
/// </summary>
/// <param name="flat">Where a batch's gradient arises, and where the sum is in the end.</param>
/// <param name="ranks">Who shares the batches: batch j is rank j mod W's.</param>
/// <param name="order">How it is added up.</param>
internal sealed class GradientSum(FlatParameters flat, Collective ranks, ExchangeOrder order) : IDisposable
{
    private readonly RankSum? _all = ranks.Size > 1 ? RankSum.Of(flat.Gradients, ranks) : null;
    private Parameter? _sum;
    private int _batches;

    /// <summary>Begins a step.</summary>
    /// <param name="batches">Its batches, of all ranks.</param>
    public void Begin(int batches)
    {
        _batches = batches;
        flat.ZeroGradients();
        if (IsOrdered) _all!.Begin();
    }

    /// <summary>Takes the gradients of a round, in which each rank that has a batch left did one.</summary>
    /// <param name="first">The round's first batch in the step, rank 0's.</param>
    /// <exception cref="ExchangeException">Another process does not answer.</exception>
    public void Add(int first)
    {
        if (IsOrdered)
        {
            _all!.Add(flat.Gradients, Math.Min(ranks.Size, _batches - first));
            flat.ZeroGradients();
        }
        else if (first + ranks.Rank < _batches)
        {
            AddHere(first / ranks.Size, (_batches - ranks.Rank + ranks.Size - 1) / ranks.Size);
        }
    }

    /// <summary>Puts the sum where the optimizer reads it.</summary>
    /// <exception cref="ExchangeException">Another process does not answer.</exception>
    public void End()
    {
        if (IsOrdered) _all!.End(flat.Gradients);
        else _all?.Fast(flat.Gradients);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _sum?.Dispose();
        _all?.Dispose();
    }

    private bool IsOrdered => _all is not null && order == ExchangeOrder.Ordered;

    private void AddHere(int batch, int count)
    {
        if (count == 1) return;
        _sum ??= Parameter.Empty(flat.Gradients.Shape);
        if (batch == count - 1)
        {
            new AddIntoCall(flat.Gradients, _sum).Run();
            return;
        }

        if (batch == 0) new CopyCall(flat.Gradients, _sum).Run();
        else new AddIntoCall(_sum, flat.Gradients).Run();
        flat.ZeroGradients();
    }
}
