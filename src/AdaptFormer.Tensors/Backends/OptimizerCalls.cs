namespace AdaptFormer.Tensors.Backends;

/// <summary>p ← keep·p, g' = g + l2·p, m = β₁·m + (1 − β₁)·g', v = β₂·v + (1 − β₂)·g'², p ← p −
/// step·m/(√v/root + ε); all f32.</summary>
public sealed record AdamStepCall(Tensor P, Tensor G, Tensor Mean, Tensor Square, AdamSettings Settings) : Call(P)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [P, G, Mean, Square];

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Outputs => [P, Mean, Square];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.AdamStep(P, G, Mean, Square, Settings);
}

/// <summary>
/// g' = g + decay·p, m = μ·m + intake·g', p ← p − lr·m, or with Nesterov p − lr·(g' + μ·m), or without a buffer p − lr·g';
/// all f32.
/// </summary>
public sealed record SgdStepCall(Tensor P, Tensor G, Tensor? Buffer, SgdSettings Settings) : Call(P)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [P, G, Buffer];

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Outputs => [P, Buffer];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.SgdStep(P, G, Buffer, Settings);
}

/// <summary>g ← g·most/(norm + 10⁻⁶) where that factor is below 1, or is no number; norm is one number, all f32.</summary>
public sealed record ClipCall(Tensor G, Tensor Norm, double Most) : Call(G)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [G, Norm];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.Clip(G, Norm, Most);
}
