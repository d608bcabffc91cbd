namespace AdaptFormer.Tensors.Backends;

/// <summary>losses [B] of <c>SoftmaxCrossEntropyOp</c>, and each one's gradient by its row of logits [B, K].</summary>
public sealed record CrossEntropyCall(Tensor Logits, Tensor Targets, Tensor Losses, Tensor Gradient) : Call(Losses)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [Logits, Targets];

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Outputs => [Losses, Gradient];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.CrossEntropy(Logits, Targets, Losses, Gradient);
}

/// <summary>losses [B, K] of <c>BinaryCrossEntropyOp</c>, and each one's gradient by its logit.</summary>
public sealed record BinaryCrossEntropyCall(Tensor Logits, Tensor Targets, Tensor Losses, Tensor Gradient) : Call(Losses)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [Logits, Targets];

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Outputs => [Losses, Gradient];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.BinaryCrossEntropy(Logits, Targets, Losses, Gradient);
}

/// <summary>losses [B, K] of <c>AsymmetricLossOp</c>, and each one's gradient by its logit.</summary>
public sealed record AsymmetricLossCall(
    Tensor Logits, Tensor Targets, AsymmetricLossSettings Settings, Tensor Losses, Tensor Gradient) : Call(Losses)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [Logits, Targets];

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Outputs => [Losses, Gradient];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.AsymmetricLoss(Logits, Targets, Settings, Losses, Gradient);
}

/// <summary>losses [B] of <c>AsymmetricSingleLabelLossOp</c>, and each one's gradient by its row of logits [B, K].</summary>
public sealed record AsymmetricSingleLabelLossCall(
    Tensor Logits, int[] Labels, float GammaPositive, float GammaNegative, float LabelSmoothing, Tensor Losses,
    Tensor Gradient) : Call(Losses)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [Logits];

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Outputs => [Losses, Gradient];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) =>
        kernels.AsymmetricSingleLabelLoss(Logits, Labels, GammaPositive, GammaNegative, LabelSmoothing, Losses, Gradient);
}
