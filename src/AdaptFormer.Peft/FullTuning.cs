using AdaptFormer.Models;
using AdaptFormer.Models.Layers;
using AdaptFormer.Tensors;

namespace AdaptFormer.Peft;

/// <summary>Full fine-tuning: every weight learns. The yardstick of the paper's tables.</summary>
/// <param name="Head">The classifier's form.</param>
public sealed record FullTuning(HeadKind Head = HeadKind.BatchNorm) : Tuning(Head)
{
    /// <inheritdoc/>
    public override string Formula => "all weights learn";

    /// <inheritdoc/>
    protected override void AddTo(Backbone model, Rng rng) => model.Unfreeze();
}
