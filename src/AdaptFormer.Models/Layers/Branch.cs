using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Models.Layers;

/// <summary>A layer inside a residual branch: attention, or the feed-forward layer.</summary>
public abstract class BranchLayer : Layer
{
    /// <summary>[B, N, C] → [B, N, C].</summary>
    public sealed override Tensor Forward(Tensor x) => Forward(x, Slots.Attached);

    /// <summary>residual + γ∘f(x), for the first tokens.</summary>
    /// <param name="x">[B, N, C].</param>
    /// <param name="slots">What fills the seams.</param>
    /// <param name="residual">[B, R, C], f32; none if null. The result takes its memory if it was given.</param>
    /// <param name="gamma">γ; none if null.</param>
    /// <param name="readout">R, how many tokens the result has, from the first on; all if null.</param>
    public abstract Tensor Forward(Tensor x, Slots slots, Tensor? residual = null, LayerScale? gamma = null, int? readout = null);
}

/// <summary>A block's branch in one pass, f(n) = DropPath(γ∘F(n)), as it is handed to what fills the seam beside it.</summary>
/// <param name="layer">F.</param>
/// <param name="gamma">γ; none if null.</param>
/// <param name="dropPath">Probability of dropping the branch per sample, in [0, 1).</param>
/// <param name="slots">What fills the seams inside F.</param>
/// <param name="readout">How many of the first tokens the result has.</param>
public sealed class Branch(BranchLayer layer, LayerScale? gamma, float dropPath, Slots slots, int readout)
{
    /// <summary>The same branch for other slots: those of some of the samples.</summary>
    internal Branch With(Slots other) => new(layer, gamma, dropPath, other, readout);

    /// <summary>residual + f(normed); the bare branch without a residual.</summary>
    /// <param name="normed">[B, N, C], in the type that products read.</param>
    /// <param name="residual">[B, R, C], f32; none if null. The result takes its memory if it was given.</param>
    /// <returns>[B, R, C], f32; without a residual in the type of the products' inputs.</returns>
    public Tensor Forward(Tensor normed, Tensor? residual = null)
    {
        if (dropPath == 0 || normed.Tape is null) return layer.Forward(normed, slots, residual, gamma, readout);
        Tensor branch = layer.Forward(normed, slots, null, gamma, readout).DropPath(dropPath);
        return residual is null ? branch : residual + branch;
    }
}
