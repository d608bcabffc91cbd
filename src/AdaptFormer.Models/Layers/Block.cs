using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Models.Layers;

/// <summary>A pre-norm transformer block, with an empty tuning seam beside each of its two branches.</summary>
public sealed class Block : Module
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
    public Block(Attention attention, int mlpHidden, float normEps, float dropPath, DataType compute, MlpActivation activation = MlpActivation.Gelu, bool layerScale = false)
    {
        int dim = attention.Dim;
        (Dim, MlpHidden, Compute, _dropPath) = (dim, mlpHidden, compute, dropPath);
        Norm1 = Add("norm1", new LayerNorm(dim, normEps, compute));
        Attn = Add("attn", attention);
        Norm2 = Add("norm2", new LayerNorm(dim, normEps, compute));
        Mlp = Add("mlp", new Mlp(dim, mlpHidden, compute, activation));
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

    /// <summary>How the last of the tokens lie in space and time; tokens ahead of them (a class token, prompts) have no place. For layers of a method that look at neighbours.</summary>
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
    public BranchDelta? AttnDelta { get; set; }

    /// <summary>The tuning seam beside the feed-forward branch: AdaptFormer's place.</summary>
    public BranchDelta? FfnDelta { get; set; }

    /// <summary>Whether the block does the same to the same tokens as long as a model trains: nothing in it trains, nothing was added, nothing is dropped at random.</summary>
    public bool IsFixed => _dropPath == 0 && AttnDelta is null && FfnDelta is null && !TrainableParameters().Any()
        && new[] { Attn.Qkv, Attn.Proj, Mlp.Fc1, Mlp.Fc2 }.All(linear => linear.Delta is null);

    /// <summary>[B, N, C] → [B, N, C], f32.</summary>
    public override Tensor Forward(Tensor x) => Forward(x, readout: x.Shape[1]);

    /// <summary>As <see cref="Forward(Tensor)"/>, for the first tokens alone: all that a head reads of a last block is the class token.</summary>
    /// <param name="x">[B, N, C], f32.</param>
    /// <param name="readout">R, how many tokens the result has, from the first on.</param>
    /// <returns>[B, R, C], f32: the first R tokens of the whole result.</returns>
    public Tensor Forward(Tensor x, int readout)
    {
        if (readout < x.Shape[1] && ReadsAllTokens) return Forward(x).SliceTokens(0, readout);
        Tensor rest = x.SliceTokens(0, readout);
        Tensor n1 = Norm1.Forward(x);
        Tensor h = Branch(rest, n1, AttnDelta, (n, residual, _) => Scaled(AttnScale, r => Attn.Forward(n, r, readout), residual));      // h = x + Attn(LN(x)), paper eq. (1)
        n1.Dispose();      // a tape holds what it needs; a block's memory is what lives at once
        return Branch(h, Norm2.Forward(h), FfnDelta, (n, residual, into) => Scaled(MlpScale, r => Mlp.Forward(n, r, into), residual), intoStream: h != rest);      // y = h + MLP(LN(h)) + Δ(h), paper eq. (2) and (4)
    }

    /// <summary>How much each token reads of each other in this block's attention; no gradient passes through.</summary>
    /// <param name="x">[B, N, C]: what the block reads.</param>
    /// <returns>As <see cref="Attention.Probabilities"/>.</returns>
    public Tensor AttentionProbabilities(Tensor x) => Attn.Probabilities(Norm1.Forward(x));

    private static Tensor Scaled(LayerScale? scale, Func<Tensor?, Tensor> branch, Tensor? residual) =>
        scale is null ? branch(residual) : scale.Forward(branch(null), residual);

    private bool ReadsAllTokens => !Attn.TakesQueries || AttnDelta is not null || FfnDelta is { ReadsAllTokens: true };

    /// <summary>x + f(normed), with the delta; in x's memory where that is this block's own.</summary>
    private Tensor Branch(Tensor x, Tensor normed, BranchDelta? delta, BranchDelta.Branch f, bool intoStream = false) =>
        delta is null ? DropPath(f, normed, x, intoStream) : delta.Apply(x, normed, (n, residual, into) => DropPath(f, n, residual, into), intoStream);

    private Tensor DropPath(BranchDelta.Branch f, Tensor normed, Tensor? residual, bool intoResidual)
    {
        if (_dropPath == 0 || normed.Tape is null) return f(normed, residual, intoResidual);
        Tensor branch = f(normed, null).DropPath(_dropPath);
        return residual is null ? branch : residual + branch;
    }
}
