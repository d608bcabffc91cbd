using AdaptFormer.Models;
using AdaptFormer.Models.Layers;
using AdaptFormer.Tensors;

namespace AdaptFormer.Peft;

/// <summary>LN-tuning, arXiv:2211.09329: the scales and shifts of all layer norms learn, and nothing else of the backbone.</summary>
/// <param name="Head">The classifier's form.</param>
public sealed record NormTuning(HeadKind Head = HeadKind.BatchNorm) : Tuning(Head)
{
    /// <inheritdoc/>
    public override string Formula => "y = γ·(x − mean)/√(var + ε) + β, γ and β learn";

    /// <inheritdoc/>
    protected override void AddTo(Backbone model, Rng rng) => Train(model);

    /// <summary>Lets all layer norms of <paramref name="model"/> train.</summary>
    internal static void Train(Backbone model) =>
        model.TrainInPlace(model.Modules().OfType<LayerNorm>().SelectMany(norm => new[] { norm.Weight, norm.Bias }));
}
