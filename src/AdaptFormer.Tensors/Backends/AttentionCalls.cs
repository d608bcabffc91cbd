namespace AdaptFormer.Tensors.Backends;

/// <summary>Multi-head attention from a fused projection, for as many tokens as y has; see <c>AttentionOp</c>.</summary>
public sealed record AttentionCall(Tensor Qkv, int Heads, float Scale, Tensor? Bias, Tensor? Mask, Tensor Y) : Call(Y)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [Qkv, Bias, Mask];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.Attention(Qkv, Heads, Scale, Bias, Mask, Y);
}

/// <summary>dqkv of <see cref="AttentionCall"/>, adding to dbias when given.</summary>
public sealed record AttentionBackwardCall(
    Tensor Qkv, int Heads, float Scale, Tensor? Bias, Tensor? Mask, Tensor Dy, Tensor Dqkv, Tensor? DBias) : Call(Dqkv)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [Qkv, Bias, Mask, Dy];

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Outputs => [Dqkv, DBias];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.AttentionBackward(Qkv, Heads, Scale, Bias, Mask, Dy, Dqkv, DBias);
}

/// <summary>p [B, h, N, N], f32: the softmax inside <see cref="AttentionCall"/>.</summary>
public sealed record AttentionProbabilitiesCall(Tensor Qkv, int Heads, float Scale, Tensor P) : Call(P)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [Qkv];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.AttentionProbabilities(Qkv, Heads, Scale, P);
}

/// <summary>
/// Multi-head attention inside windows from a fused projection; see <c>WindowAttentionOp</c>. The padding's 3·C numbers are in the type
/// of qkv.
/// </summary>
public sealed record WindowAttentionCall(
    Tensor Qkv, int Heads, float Scale, WindowLayout Windows, Tensor Table, Tensor? Padding, Tensor Y) : Call(Y)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [Qkv, Table, Padding];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.WindowAttention(Qkv, Heads, Scale, Windows, Table, Padding, Y);
}

/// <summary>dqkv of <see cref="WindowAttentionCall"/>, adding to the gradients of table and padding when given.</summary>
public sealed record WindowAttentionBackwardCall(
    Tensor Qkv, int Heads, float Scale, WindowLayout Windows, Tensor Table, Tensor? Padding, Tensor Dy, Tensor Dqkv, Tensor? DTable,
    Tensor? DPadding) : Call(Dqkv)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [Qkv, Table, Padding, Dy];

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Outputs => [Dqkv, DTable, DPadding];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) =>
        kernels.WindowAttentionBackward(Qkv, Heads, Scale, Windows, Table, Padding, Dy, Dqkv, DTable, DPadding);
}

/// <summary>p [B, windows, h, N, N], f32: the softmax inside <see cref="WindowAttentionCall"/>.</summary>
public sealed record WindowAttentionProbabilitiesCall(
    Tensor Qkv, int Heads, float Scale, WindowLayout Windows, Tensor Table, Tensor? Padding, Tensor P) : Call(P)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [Qkv, Table, Padding];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.WindowAttentionProbabilities(Qkv, Heads, Scale, Windows, Table, Padding, P);
}
