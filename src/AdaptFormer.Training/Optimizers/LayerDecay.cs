using AdaptFormer.Models;
using AdaptFormer.Tensors;

namespace AdaptFormer.Training.Optimizers;

/// <summary>
/// Layer-wise learning rates: a parameter at depth d of a model of L blocks has γ^(L + 1 − d) of the rate. The head and the last norm
/// have all of it, what comes ahead of the blocks has γ^(L + 1). The model says the depths, <see cref="Backbone.DepthOf"/>.
/// </summary>
/// <remarks>The rule of BEiT and MAE's fine-tuning, and of SimMIM's for Swin.</remarks>
internal static class LayerDecay
{
    /// <summary>The factor of every trainable parameter.</summary>
    /// <param name="model">The model.</param>
    /// <param name="decay">γ, in (0, 1]; null is 1.</param>
    public static Func<string, Parameter, double> For(Backbone model, double? decay) =>
        decay is { } gamma
            ? (name, parameter) => Math.Pow(gamma, model.Blocks.Count + 1 - model.DepthOf(name, parameter)) : static (_, _) => 1;
}
