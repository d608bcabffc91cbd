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
    public override Tensor Forward(Tensor x, Slots slots, Tensor? residual = null, LayerScale? gamma = null, int? readout = null)
    {
        using Tensor qkv = Project(x, slots);                                       // [B, N, 3·C]
        using Tensor answers = qkv.Attention(_heads, queries: readout);             // [B, R, C]
        return Proj.Forward(answers, slots, residual, gamma: gamma);
    }

    /// <inheritdoc/>
    public override Tensor Probabilities(Tensor x, Slots slots) => Project(x, slots).AttentionProbabilities(_heads);

    /// <summary>[B, N, C] → [B, N, 3·C].</summary>
    private Tensor Project(Tensor x, Slots slots)
    {
        if (QBias is null || VBias is null) return Qkv.Forward(x, slots);
        if (slots.Differ(QBias, VBias)) return slots.ByTask(x, Project);
        Tensor noKeyBias = Tensor.Zeros(Dim);
        x.Tape?.Watch(noKeyBias);       // parameters belong to no pass, their joining does
        return Qkv.Forward(x, slots, bias: BatchOps.ConcatBatch([slots.Of(QBias), noKeyBias, slots.Of(VBias)]));
    }
}
