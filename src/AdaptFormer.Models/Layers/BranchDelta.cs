using AdaptFormer.Tensors;

namespace AdaptFormer.Models.Layers;

/// <summary>
/// The tuning seam beside a residual branch, <c>y = x + f(norm(x))</c>. A block calls it instead of the branch and hands it all that a
/// method may want to read: AdaptFormer adds Δ(x) in parallel, a sequential adapter changes what the branch returns.
/// </summary>
public abstract class BranchDelta : Module
{
    /// <summary>The block's branch f, drop-path included.</summary>
    /// <param name="normed">The branch's input.</param>
    /// <param name="residual">Added to the result in the same sweep; null for the bare branch.</param>
    /// <param name="intoResidual">The result may take the residual's memory, which is not read afterwards.</param>
    public delegate Tensor Branch(Tensor normed, Tensor? residual, bool intoResidual = false);

    /// <summary>Whether a token's result depends on other tokens (a convolution over the grid), so that none may be left out.</summary>
    public virtual bool ReadsAllTokens => false;

    /// <summary>The block's new residual stream, y.</summary>
    /// <param name="x">The residual stream ahead of the branch, un-normalised, [B, N, C], f32.</param>
    /// <param name="normed">norm(x), in the type that products read.</param>
    /// <param name="branch">f.</param>
    /// <param name="intoStream">The result may take x's memory: nobody else reads x.</param>
    /// <returns>[B, N, C], f32.</returns>
    public abstract Tensor Apply(Tensor x, Tensor normed, Branch branch, bool intoStream = false);

    /// <summary>Not used: a delta needs the branch it stands beside.</summary>
    /// <exception cref="InvalidOperationException">Always.</exception>
    public sealed override Tensor Forward(Tensor x) => throw new InvalidOperationException("BranchDelta: call Apply with the branch.");
}
