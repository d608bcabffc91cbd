using AdaptFormer.Models;
using AdaptFormer.Models.Layers;
using AdaptFormer.Tensors;

namespace AdaptFormer.Peft;

/// <summary>BitFit, arXiv:2106.10199: all biases of the backbone learn, those of norms and of the patch embedding included, and no
/// matrix.</summary>
/// <param name="Head">The classifier's form.</param>
/// <remarks>Swin's tables of relative position biases are no biases in this sense and stay frozen.</remarks>
public sealed record BitFitTuning(HeadKind Head = HeadKind.BatchNorm) : Tuning(Head)
{
    /// <inheritdoc/>
    public override string Formula => "y = W·x + b, b learns, W stays";

    /// <inheritdoc/>
    protected override void AddTo(Backbone model, Rng rng) =>
        model.TrainInPlace(
            model.Parameters().Where(entry => entry.Key.EndsWith("bias", StringComparison.Ordinal)).Select(entry => entry.Value));
}
