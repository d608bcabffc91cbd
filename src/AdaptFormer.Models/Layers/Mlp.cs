using AdaptFormer.Tensors;

namespace AdaptFormer.Models.Layers;

/// <summary>The feed-forward layer, W₂·GELU(W₁·x + b₁) + b₂.</summary>
public sealed class Mlp : Module
{
    /// <summary>A feed-forward layer over C features with <paramref name="hidden"/> units.</summary>
    public Mlp(int dim, int hidden, DataType compute)
    {
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
    public Tensor Forward(Tensor x, Tensor? residual) => Fc2.Forward(Fc1.ForwardGelu(x), residual);
}
