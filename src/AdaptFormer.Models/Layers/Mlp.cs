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

/// <summary>The feed-forward layer, W₂·f(W₁·x + b₁) + b₂ with f = GELU.</summary>
public sealed class Mlp : Module
{
    private readonly MlpActivation _activation;

    /// <summary>A feed-forward layer over C features with <paramref name="hidden"/> units.</summary>
    public Mlp(int dim, int hidden, DataType compute, MlpActivation activation = MlpActivation.Gelu)
    {
        _activation = activation;
        Fc1 = Add("fc1", new Linear(dim, hidden, bias: true, compute));
        Fc2 = Add("fc2", new Linear(hidden, dim, bias: true, compute));
    }

    /// <summary>W₁, b₁.</summary>
    public Linear Fc1 { get; }

    /// <summary>W₂, b₂.</summary>
    public Linear Fc2 { get; }

    /// <summary>[B, N, C] → [B, N, C].</summary>
    public override Tensor Forward(Tensor x) => Forward(x, residual: null);

    /// <summary>residual + MLP(x).</summary>
    /// <param name="x">[B, N, C].</param>
    /// <param name="residual">[B, N, C], f32; none if null.</param>
    /// <param name="intoResidual">The result takes the residual's memory, whose numbers nobody reads afterwards.</param>
    public Tensor Forward(Tensor x, Tensor? residual, bool intoResidual = false)
    {
        using Tensor h = Activate(x);      // [B, N, hidden]
        return Fc2.Forward(h, residual, intoResidual: intoResidual);
    }

    private Tensor Activate(Tensor x) => _activation == MlpActivation.Gelu ? Fc1.ForwardGelu(x) : Fc1.Forward(x).QuickGelu();
}
