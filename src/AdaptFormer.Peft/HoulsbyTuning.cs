using System.Text.Json.Serialization;
using AdaptFormer.Models;
using AdaptFormer.Models.Layers;
using AdaptFormer.Tensors;

namespace AdaptFormer.Peft;

/// <summary>
/// Houlsby's adapters, arXiv:1902.00751: a bottleneck with a residual of its own at the end of the attention branch and of the feed-forward
/// branch.
/// </summary>
/// <param name="Bottleneck">M, the middle dimension, at least 1.</param>
/// <param name="Activation">The nonlinearity.</param>
/// <param name="Dropout">On the bottleneck in training, in [0, 1).</param>
/// <param name="Norms">Whether the backbone's layer norms learn too, as in the paper.</param>
/// <param name="Layers">Which blocks get adapters, counted from 1: <c>all</c>, <c>7-12</c>, <c>1,3,5-8</c>.</param>
/// <param name="Head">The classifier's form.</param>
/// <remarks>
/// The paper starts both projections near zero; here the up-projection starts at zero, so that a fresh adapter changes nothing at all.
/// </remarks>
public sealed record HoulsbyTuning(
    int Bottleneck = 64, AdapterActivation Activation = AdapterActivation.Gelu, float Dropout = 0, bool Norms = true, string Layers = "all",
    HeadKind Head = HeadKind.BatchNorm) : Tuning(Head)
{
    /// <inheritdoc/>
    [JsonIgnore]
    protected internal override int? Width => Bottleneck;

    /// <inheritdoc/>
    public override string Formula
    {
        get
        {
            string f = Activation switch { AdapterActivation.Relu => "ReLU", AdapterActivation.Gelu => "GELU", _ => "" };
            string norms = Norms ? "; the norms' γ and β learn" : "";
            return $"A(f) = f + W_up·{f}(W_down·f + b_down) + b_up; h = x + A(Attn(LN(x))); y = h + A'(MLP(LN(h))){norms}";
        }
    }

    /// <inheritdoc/>
    public override string NothingToMerge =>
        "its adapters have a nonlinearity between their projections, so there is no weight that could take them up";

    /// <inheritdoc/>
    public override void Validate(Backbone model) => Adapters.Validate(model, "Houlsby");

    private AdaptFormerTuning Adapters =>
        new(Bottleneck, Scale: 1, Position: AdapterPosition.Sequential, Dropout: Dropout, Activation: Activation, Layers: Layers);

    /// <inheritdoc/>
    protected override void AddTo(Backbone model, Rng rng)
    {
        if (Norms) NormTuning.Train(model);
        foreach (int i in LayerRange.Parse(Layers, model.Blocks.Count))
        {
            Block block = model.Blocks[i];
            block.AttnDelta.Fill("adapter_attn", new Adapter(block, Adapters, rng.Derive(2 * i))).Unfreeze();
            block.FfnDelta.Fill("adapter_ffn", new Adapter(block, Adapters, rng.Derive((2 * i) + 1))).Unfreeze();
        }
    }
}
