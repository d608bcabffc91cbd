namespace AdaptFormer.Tensors.Backends;

/// <summary>
/// Copies <c>count</c> rows of each group: dst[g, dstStart + i] = (or +=, then in f32) src[g, srcStart + i]. Tensors are [groups, rows,
/// C]; a source of one group serves all, a destination of one group collects the rows of all in order.
/// </summary>
public sealed record CopyTokensCall(Tensor Src, int SrcStart, Tensor Dst, int DstStart, int Count, bool Add = false) : Call(Dst)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [Src, Dst];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.CopyTokens(Src, SrcStart, Dst, DstStart, Count, Add);
}

/// <summary>y[b, k] = x[b, tokens[b·K + k]] for x [B, N, C], y [B, K, C].</summary>
public sealed record GatherTokensCall(Tensor X, int[] Tokens, Tensor Y) : Call(Y)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [X];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.GatherTokens(X, Tokens, Y);
}

/// <summary>dx[b, tokens[b·K + k]] += dy[b, k], in the order of k; dx is f32.</summary>
public sealed record ScatterTokensCall(Tensor Dy, int[] Tokens, Tensor Dx) : Call(Dx)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [Dy, Dx];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.ScatterTokens(Dy, Tokens, Dx);
}

/// <summary>y[g] = mean of tokens start.. of x [G, N, C]; y is f32.</summary>
public sealed record MeanTokensCall(Tensor X, int Start, Tensor Y) : Call(Y)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [X];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.MeanTokens(X, Start, Y);
}

/// <summary>dx[g, i] = dy[g]/count for i ≥ start, else 0.</summary>
public sealed record MeanTokensBackwardCall(Tensor Dy, int Start, Tensor Dx) : Call(Dx)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [Dy];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.MeanTokensBackward(Dy, Start, Dx);
}

/// <summary>y[j, i] = x[i, j] for x read as rows of <c>columns</c> numbers, f32.</summary>
public sealed record TransposeCall(Tensor X, int Columns, Tensor Y) : Call(Y)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [X];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.Transpose(X, Columns, Y);
}

/// <summary>Every last-axis row of x, read as a matrix of <c>rows</c> rows, transposed; f32.</summary>
public sealed record TransposeRowsCall(Tensor X, int Rows, Tensor Y) : Call(Y)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [X];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.TransposeRows(X, Rows, Y);
}

/// <summary>
/// [B, C, T, H, W] → [B, (T/t)·(H/p)·(W/p), C·t·p·p]: non-overlapping tubelets of t frames as rows, channels outermost. Without T,
/// and t = 1: patches.
/// </summary>
public sealed record UnfoldCall(Tensor Pixels, int Tubelet, int Patch, Tensor Rows) : Call(Rows)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [Pixels];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.Unfold(Pixels, Tubelet, Patch, Rows);
}

/// <summary>The inverse of <see cref="UnfoldCall"/>.</summary>
public sealed record FoldCall(Tensor Rows, int Tubelet, int Patch, Tensor Pixels) : Call(Pixels)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [Rows];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.Fold(Rows, Tubelet, Patch, Pixels);
}
