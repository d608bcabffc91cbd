using System.Text.Json.Serialization;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Models.Layers;

/// <summary>The nonlinearity of a feed-forward layer.</summary>
[JsonConverter(typeof(SnakeCaseEnum<MlpActivation>))]
public enum MlpActivation
{
    /// <summary>x·Φ(x), exact.</summary>
    Gelu,

    /// <summary>x·σ(1.702·x): OpenAI's CLIP.</summary>
    QuickGelu,
}

/// <summary>The feed-forward layer, W₂·f(W₁·x + b₁) + b₂ with f = GELU, with a tuning seam behind f.</summary>
public sealed class Mlp : BranchLayer
{
    private readonly MlpActivation _activation;

    /// <summary>A feed-forward layer over C features with <paramref name="hidden"/> units.</summary>
    public Mlp(int dim, int hidden, DataType compute, MlpActivation activation = MlpActivation.Gelu)
    {
        _activation = activation;
        Fc1 = Add("fc1", new Linear(dim, hidden, bias: true, compute));
        Fc2 = Add("fc2", new Linear(hidden, dim, bias: true, compute));
        Inner = AddSeam<Layer>("inner");
    }

    /// <summary>W₁, b₁.</summary>
    public Linear Fc1 { get; }

    /// <summary>W₂, b₂.</summary>
    public Linear Fc2 { get; }

    /// <summary>The tuning seam behind the nonlinearity: a function of the hidden units (IA³).</summary>
    public Seam<Layer> Inner { get; }

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x, Slots slots, Tensor? residual = null, LayerScale? gamma = null, int? readout = null)
    {
        using Tensor h = Activate(x.SliceTokens(0, readout ?? x.Shape[1]), slots);      // [B, R, hidden]
        using Tensor? tuned = Inner.In(slots)?.Forward(h);
        return Fc2.Forward(tuned ?? h, slots, residual, gamma: gamma);
    }

    private Tensor Activate(Tensor x, Slots slots) =>
        _activation == MlpActivation.Gelu ? Fc1.ForwardGelu(x, slots) : Fc1.Forward(x, slots).QuickGelu();
}
