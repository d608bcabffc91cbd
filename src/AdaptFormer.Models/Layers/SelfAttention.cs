using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Models.Layers;

/// <summary>The bias of the fused projection.</summary>
public enum QkvBias
{
    /// <summary>None.</summary>
    None,

    /// <summary>One of 3·C: ViT, DeiT, MAE.</summary>
    Fused,

    /// <summary><c>q_bias</c> and <c>v_bias</c> of C each, none for the keys: VideoMAE.</summary>
    QueryValue,
}

/// <summary>Multi-head self-attention over all tokens (paper eq. 1).</summary>
public sealed class SelfAttention : Attention
{
    private readonly int _heads;

    /// <summary>Attention over C features.</summary>
    /// <param name="dim">C.</param>
    /// <param name="heads">h; divides C.</param>
    /// <param name="bias">The projection's bias.</param>
    /// <param name="compute">Type of the products' inputs.</param>
    public SelfAttention(int dim, int heads, QkvBias bias, DataType compute)
        : base(dim, bias == QkvBias.Fused, compute)
    {
        _heads = heads;
        if (bias != QkvBias.QueryValue) return;
        QBias = Add("q_bias", Parameter.Zeros(dim));
        VBias = Add("v_bias", Parameter.Zeros(dim));
    }

    /// <summary>Bias of the queries, [C], where it is apart.</summary>
    public Parameter? QBias { get; }

    /// <summary>Bias of the values, [C], where it is apart.</summary>
    public Parameter? VBias { get; }

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x, Tensor? residual, int? queries = null)
    {
        using Tensor qkv = Project(x);                                              // [B, N, 3·C]
        using Tensor answers = qkv.Attention(_heads, queries: queries);             // [B, queries, C]
        return Proj.Forward(answers, residual);
    }

    /// <inheritdoc/>
    public override Tensor Probabilities(Tensor x) => Project(x).AttentionProbabilities(_heads);

    /// <summary>[B, N, C] → [B, N, 3·C].</summary>
    private Tensor Project(Tensor x)
    {
        if (QBias is null || VBias is null) return Qkv.Forward(x);
        Tensor noKeyBias = Tensor.Zeros(Dim);
        x.Tape?.Watch(noKeyBias);       // parameters belong to no pass, their joining does
        return Qkv.Forward(x, bias: BatchOps.ConcatBatch([QBias, noKeyBias, VBias]));
    }
}
