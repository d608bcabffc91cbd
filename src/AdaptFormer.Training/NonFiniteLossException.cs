using AdaptFormer.Models;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Training;

/// <summary>Training met a loss that is NaN or infinite. Says at which step, in which layer the first such value appeared, and what helps.</summary>
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
    internal static NonFiniteLossException Of(Backbone model, Tensor pixels, Rng rng, double loss, int epoch, long step, int keptEpoch)
    {
        string? layer = null;
        using (TensorScope scope = new())
        {
            using Tape tape = new(rng);
            bool finite = Backend.Current.AllFinite(pixels);
            if (!finite) layer = "input";
            model.Forward(tape.Watch(pixels.View(pixels.Shape)), (name, value) =>
            {
                if (layer is null && !Backend.Current.AllFinite(value)) layer = name;
            });
        }

        string where = layer switch
        {
            null => "every layer is finite, so the logits are too large for the loss",
            "input" => "the pictures themselves hold such values: check data and normalisation",
            _ => $"the first such value appeared in {layer}",
        };
        return new NonFiniteLossException(
            $"Training stopped at epoch {epoch}, step {step}: the loss is {loss}; {where}. "
            + "Lower optimizer.base_lr (try a third), lengthen schedule.warmup_epochs, or set precision to float32. "
            + (keptEpoch > 0 ? $"What epoch {keptEpoch} had learned is kept." : "No epoch was finished, so nothing is kept."),
            epoch, step, layer);
    }
}
