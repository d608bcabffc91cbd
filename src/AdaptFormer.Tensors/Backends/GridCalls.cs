namespace AdaptFormer.Tensors.Backends;

/// <summary>Puts each 2×2 neighbourhood of tokens into one row; see <c>MergePatchesOp</c>.</summary>
public sealed record MergePatchesCall(Tensor X, TokenGrid Grid, Tensor Y) : Call(Y)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [X];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.MergePatches(X, Grid, Y);
}

/// <summary>The inverse of <see cref="MergePatchesCall"/>.</summary>
public sealed record SplitPatchesCall(Tensor Dy, TokenGrid Grid, Tensor Dx) : Call(Dx)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [Dy];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.SplitPatches(Dy, Grid, Dx);
}

/// <summary>
/// y[n] = b + Σ over the 3×3 neighbours k of n in the grid of parts[k, tap of k]; see <c>GridConvOp</c>. parts is [B, N, 9·M], y [B, N,
/// M], f32.
/// </summary>
public sealed record SumTapsCall(Tensor Parts, TokenGrid Grid, Tensor? Bias, Tensor Y) : Call(Y)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [Parts, Bias];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.SumTaps(Parts, Grid, Bias, Y);
}

/// <summary>The gradient of <see cref="SumTapsCall"/>: dParts[k, tap of k] = dy[n].</summary>
public sealed record SpreadTapsCall(Tensor Dy, TokenGrid Grid, Tensor DParts) : Call(DParts)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [Dy];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.SpreadTaps(Dy, Grid, DParts);
}

/// <summary>
/// y[n] = b + Σ over the 3×3 neighbours k of n in the grid of taps[tap of k]∘x[k], taps [9, M], f32; mirrored: with the kernel turned
/// by 180°.
/// </summary>
public sealed record DepthwiseCall(Tensor X, TokenGrid Grid, Tensor Taps, Tensor? Bias, bool Mirrored, Tensor Y) : Call(Y)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [X, Taps, Bias];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.Depthwise(X, Grid, Taps, Bias, Mirrored, Y);
}

/// <summary>dTaps += the gradient of <see cref="DepthwiseCall"/>.</summary>
public sealed record DepthwiseBackwardWeightCall(Tensor X, TokenGrid Grid, Tensor Dy, Tensor DTaps) : Call(DTaps)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [X, Dy, DTaps];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.DepthwiseBackwardWeight(X, Grid, Dy, DTaps);
}
