using AdaptFormer.Models;
using AdaptFormer.Tensors;

namespace AdaptFormer.Training;

/// <summary>Training met a loss that is NaN or infinite. Says at which step, in which layer the first such value appeared, and what
/// helps.</summary>
public sealed class NonFiniteLossException : Exception
{
    private NonFiniteLossException(string message, int epoch, long step, string? layer) : base(message) =>
        (Epoch, Step, Layer) = (epoch, step, layer);

    /// <summary>The epoch, from 1.</summary>
    public int Epoch { get; }

    /// <summary>Optimizer steps done before.</summary>
    public long Step { get; }

    /// <summary>The first layer whose output is not finite; null when only the loss is.</summary>
    public string? Layer { get; }

    /// <summary>Runs the batch again with the same dropout masks, looking at every layer.</summary>
    internal static NonFiniteLossException Of(Backbone model, BatchSource source, Tensor input, Rng rng, NonFiniteLoss loss)
    {
        NonFiniteFinding? found = NonFiniteProbe.Find(model, input, rng, source.Forward);
        string where = found switch
        {
            null => "every layer is finite, so the logits are too large for the loss",
            { Layer: NonFiniteProbe.Input } => "the pictures themselves hold such values: check data and normalisation",
            { Weights: [] } => $"the first such value appeared in {found.Layer}",
            _ => $"the first such value appeared in {found.Layer}, and {string.Join(", ", found.Weights.Take(3))} "
                + (found.Weights.Count > 3 ? $"and {found.Weights.Count - 3} more hold such values" : "holds such values"),
        };
        return new NonFiniteLossException(
            $"Training stopped at epoch {loss.Epoch}, step {loss.Step}: the loss is {loss.Value}; {where}. "
            + "Lower optimizer.base_lr (try a third), lengthen schedule.warmup_epochs, or set precision to float32. "
            + (loss.KeptEpoch > 0 ? $"What epoch {loss.KeptEpoch} had learned is kept." : "No epoch was finished, so nothing is kept."),
            loss.Epoch, loss.Step, found?.Layer);
    }
}

/// <summary>Where a training met a loss that is NaN or infinite.</summary>
/// <param name="Value">The loss.</param>
/// <param name="Epoch">The epoch, from 1.</param>
/// <param name="Batch">The batch within it, from 0.</param>
/// <param name="Step">Optimizer steps done before.</param>
/// <param name="KeptEpoch">The epoch whose values are kept; 0 for none.</param>
internal readonly record struct NonFiniteLoss(double Value, int Epoch, int Batch, long Step, int KeptEpoch);
