using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Models.Layers;

/// <summary>
/// What fills the tuning seam beside a residual branch, <c>y = x + f(norm(x))</c>. A block calls it instead of the branch and hands it all
/// that a method may want to read: AdaptFormer adds Δ(x) in parallel, a sequential adapter changes what the branch returns.
/// </summary>
public abstract class BranchDelta : Module, ISeamFiller<BranchDelta>
{
    /// <summary>Whether a token's result depends on other tokens (a convolution over the grid), so that none may be left out.</summary>
    public virtual bool ReadsAllTokens => false;

    /// <summary>
    /// Δ, where a prediction's y is x + Δ(x) + f(norm(x)) and Δ a bottleneck of the stream; null for anything else. A pass of many tasks
    /// adds the bottlenecks of all its samples in one call and runs the branch for all of them together.
    /// </summary>
    public virtual Bottleneck? Beside => null;

    /// <summary>The block's new residual stream, y.</summary>
    /// <param name="x">
    /// The residual stream ahead of the branch, un-normalised, [B, N, C], f32; what reads it last may take its memory if it was given.
    /// </param>
    /// <param name="normed">norm(x), in the type that products read.</param>
    /// <param name="branch">f.</param>
    /// <returns>[B, N, C], f32; a tensor of its own.</returns>
    public abstract Tensor Apply(Tensor x, Tensor normed, Branch branch);

    static BranchDelta ISeamFiller<BranchDelta>.Mix(IReadOnlyList<TaskRun<BranchDelta>> runs) => new MixedBranchDelta(runs);
}
