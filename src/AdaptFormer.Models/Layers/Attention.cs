using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Models.Layers;

/// <summary>Multi-head self-attention with one fused projection for queries, keys and values (paper eq. 1).</summary>
public sealed class Attention : Module
{
    private readonly int _heads;

    /// <summary>Attention over C features.</summary>
    /// <param name="dim">C.</param>
    /// <param name="heads">h; divides C.</param>
    /// <param name="qkvBias">Whether the projection has a bias.</param>
    /// <param name="compute">Type of the products' inputs.</param>
    public Attention(int dim, int heads, bool qkvBias, DataType compute)
    {
        _heads = heads;
        Qkv = Add("qkv", new Linear(dim, 3 * dim, qkvBias, compute));
        Proj = Add("proj", new Linear(dim, dim, bias: true, compute));
    }

    /// <summary>Queries, keys and values: rows 0…C−1, C…2C−1 and 2C…3C−1 of the weight.</summary>
    public Linear Qkv { get; }

    /// <summary>The output projection.</summary>
    public Linear Proj { get; }

    /// <summary>[B, N, C] → [B, N, C].</summary>
    public override Tensor Forward(Tensor x) => Forward(x, residual: null);

    /// <summary>residual + attention(x), for the first <paramref name="queries"/> tokens, or all if null.</summary>
    public Tensor Forward(Tensor x, Tensor? residual, int? queries = null) => Proj.Forward(Qkv.Forward(x).Attention(_heads, queries: queries), residual);
}
