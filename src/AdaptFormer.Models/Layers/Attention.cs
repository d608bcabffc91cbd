using AdaptFormer.Tensors;

namespace AdaptFormer.Models.Layers;

/// <summary>
/// The attention branch of a block as the block and tuning methods see it: one fused projection for queries, keys and values, one for the
/// output. Which tokens attend to which is the subclass's.
/// </summary>
public abstract class Attention : BranchLayer
{
    /// <summary>Projections over C features.</summary>
    /// <param name="dim">C.</param>
    /// <param name="qkvBias">Whether the fused projection has a bias of 3·C.</param>
    /// <param name="compute">Type of the products' inputs.</param>
    protected Attention(int dim, bool qkvBias, DataType compute)
    {
        Dim = dim;
        Qkv = Add("qkv", new Linear(dim, 3 * dim, qkvBias, compute));
        Proj = Add("proj", new Linear(dim, dim, bias: true, compute));
    }

    /// <summary>C.</summary>
    public int Dim { get; }

    /// <summary>Queries, keys and values: rows 0…C−1, C…2C−1 and 2C…3C−1 of the weight.</summary>
    public Linear Qkv { get; }

    /// <summary>The output projection.</summary>
    public Linear Proj { get; }

    /// <summary>Whether a pass can leave tokens out of the result; otherwise the readout is all tokens.</summary>
    public virtual bool TakesQueries => true;

    /// <summary>How much each token reads of each other; no gradient passes through.</summary>
    /// <param name="x">[B, N, C], normalised.</param>
    /// <param name="slots">What fills the seams.</param>
    /// <returns>
    /// [B, h, N, N], or [B, windows, h, n, n] where tokens see those of their window alone, f32; rows are the tokens that ask, and sum to
    /// 1.
    /// </returns>
    public abstract Tensor Probabilities(Tensor x, Slots slots);
}
