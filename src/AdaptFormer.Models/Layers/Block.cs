using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Models.Layers;

/// <summary>A pre-norm transformer block, with an empty tuning seam beside each of its two branches.</summary>
public sealed class Block : Layer
{
    private readonly float _dropPath;

    /// <summary>A block over C features.</summary>
    /// <param name="attention">The attention branch, over C features.</param>
    /// <param name="mlpHidden">Units of the feed-forward layer.</param>
    /// <param name="normEps">ε of both norms.</param>
    /// <param name="dropPath">Probability of dropping a branch per sample, in [0, 1).</param>
    /// <param name="compute">Type of the products' inputs; the residual stream is f32.</param>
    /// <param name="activation">The nonlinearity of the feed-forward layer.</param>
    /// <param name="layerScale">Whether each branch ends in a <see cref="LayerScale"/>.</param>
    public Block(
        Attention attention, int mlpHidden, float normEps, float dropPath, DataType compute,
        MlpActivation activation = MlpActivation.Gelu, bool layerScale = false)
    {
        int dim = attention.Dim;
        (Dim, MlpHidden, Compute, _dropPath) = (dim, mlpHidden, compute, dropPath);
        Norm1 = Add("norm1", new LayerNorm(dim, normEps, compute));
        Attn = Add("attn", attention);
        Norm2 = Add("norm2", new LayerNorm(dim, normEps, compute));
        Mlp = Add("mlp", new Mlp(dim, mlpHidden, compute, activation));
        AttnDelta = AddSeam<BranchDelta>("attn_delta");
        FfnDelta = AddSeam<BranchDelta>("ffn_delta");
        if (!layerScale) return;
        AttnScale = Add("ls1", new LayerScale(dim));
        MlpScale = Add("ls2", new LayerScale(dim));
    }

    /// <summary>C.</summary>
    public int Dim { get; }

    /// <summary>Units of the feed-forward layer.</summary>
    public int MlpHidden { get; }

    /// <summary>Type of the products' inputs.</summary>
    public DataType Compute { get; }

    /// <summary>
    /// How the last of the tokens lie in space and time; tokens ahead of them (a class token, prompts) have no place. For layers of a
    /// method that look at neighbours.
    /// </summary>
    public TokenGrid Grid { get; init; }

    /// <summary>Norm ahead of the attention.</summary>
    public LayerNorm Norm1 { get; }

    /// <summary>The attention branch.</summary>
    public Attention Attn { get; }

    /// <summary>Norm ahead of the feed-forward layer.</summary>
    public LayerNorm Norm2 { get; }

    /// <summary>The feed-forward branch.</summary>
    public Mlp Mlp { get; }

    /// <summary>γ₁ at the end of the attention branch; null for none.</summary>
    public LayerScale? AttnScale { get; }

    /// <summary>γ₂ at the end of the feed-forward branch; null for none.</summary>
    public LayerScale? MlpScale { get; }

    /// <summary>The tuning seam beside the attention branch.</summary>
    public Seam<BranchDelta> AttnDelta { get; }

    /// <summary>The tuning seam beside the feed-forward branch: AdaptFormer's place.</summary>
    public Seam<BranchDelta> FfnDelta { get; }

    /// <summary>
    /// Whether the block does the same to the same tokens as long as a model trains: nothing in it trains, nothing was added, nothing is
    /// dropped at random.
    /// </summary>
    public bool IsFixed =>
        _dropPath == 0 && !TrainableParameters().Any() && Modules().All(module => module.Seams.All(seam => seam.Content is null));

    /// <summary>[B, N, C] → [B, N, C], f32.</summary>
    public override Tensor Forward(Tensor x) => Forward(x, Slots.Attached, x.Shape[1]);

    /// <summary>
    /// As <see cref="Forward(Tensor)"/>, for the first tokens alone: all that a head reads of a last block is the class token.
    /// </summary>
    /// <param name="x">[B, N, C], f32; its memory is used again if it was given.</param>
    /// <param name="slots">What fills the seams.</param>
    /// <param name="readout">R, how many tokens the result has, from the first on.</param>
    /// <returns>[B, R, C], f32: the first R tokens of the whole result.</returns>
    public Tensor Forward(Tensor x, Slots slots, int readout)
    {
        if (readout < x.Shape[1] && ReadsAllTokens(slots)) return Forward(x, slots, x.Shape[1]).SliceTokens(0, readout);
        Branch attn = new(Attn, AttnScale, _dropPath, slots, readout), mlp = new(Mlp, MlpScale, _dropPath, slots, readout);
        Tensor h = Sum(x.SliceTokens(0, readout), Norm1.Forward(x, slots), attn, AttnDelta.In(slots));     // h = x + Attn(LN(x)), eq. (1)
        // y = h + MLP(LN(h)) + Δ(h), eq. (2), (4)
        return Sum(h.Give(), Norm2.Forward(h, slots), mlp, FfnDelta.In(slots));
    }

    /// <summary>How much each token reads of each other in this block's attention; no gradient passes through.</summary>
    /// <param name="x">[B, N, C]: what the block reads.</param>
    /// <param name="slots">What fills the seams.</param>
    /// <returns>As <see cref="Attention.Probabilities"/>.</returns>
    public Tensor AttentionProbabilities(Tensor x, Slots slots) => Attn.Probabilities(Norm1.Forward(x, slots), slots);

    private bool ReadsAllTokens(Slots slots) =>
        !Attn.TakesQueries || AttnDelta.In(slots) is not null || FfnDelta.In(slots) is { ReadsAllTokens: true };

    /// <summary>x + f(n), and what stands in the seam beside f.</summary>
    private static Tensor Sum(Tensor x, Tensor n, Branch f, BranchDelta? delta)
    {
        Tensor y = delta?.Apply(x, n, f) ?? f.Forward(n, x);
        n.Dispose();      // a tape holds what it needs; a block's memory is what lives at once
        return y;
    }
}
