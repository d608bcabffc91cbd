using AdaptFormer.Models;
using AdaptFormer.Models.Layers;
using AdaptFormer.Tensors;

namespace AdaptFormer.Peft;

/// <summary>Linear probing: only the head learns.</summary>
/// <param name="Head">The classifier's form.</param>
public sealed record LinearProbe(HeadKind Head = HeadKind.BatchNorm) : Tuning(Head)
{
    /// <inheritdoc/>
    public override string Formula => Head == HeadKind.BatchNorm ? "logits = W·BN(features) + b" : "logits = W·features + b";

    /// <inheritdoc/>
    protected override void AddTo(Backbone model, Rng rng)
    {
    }
}
