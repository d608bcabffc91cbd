namespace AdaptFormer.Tensors.Backends;

/// <summary>y = γ·(x − mean)/√(var + ε) + β over the last axis; mean and rstd [rows] are written when given.</summary>
public sealed record LayerNormCall(Tensor X, Tensor? Gamma, Tensor? Beta, float Eps, Tensor? Mean, Tensor? Rstd, Tensor Y) : Call(Y)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [X, Gamma, Beta];

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Outputs => [Y, Mean, Rstd];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.LayerNorm(X, Gamma, Beta, Eps, Mean, Rstd, Y);
}

/// <summary>dx (+)= the gradient of <see cref="LayerNormCall"/>.</summary>
public sealed record LayerNormBackwardCall(
    Tensor X, Tensor Mean, Tensor Rstd, Tensor? Gamma, Tensor Dy, Tensor Dx, bool Accumulate) : Call(Dx)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [X, Mean, Rstd, Gamma, Dy];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.LayerNormBackward(X, Mean, Rstd, Gamma, Dy, Dx, Accumulate);
}

/// <summary>Adds to dγ and dβ.</summary>
public sealed record LayerNormBackwardParamsCall(Tensor X, Tensor Mean, Tensor Rstd, Tensor Dy, Tensor DGamma, Tensor DBeta) : Call(DGamma)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [X, Mean, Rstd, Dy, DGamma, DBeta];

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Outputs => [DGamma, DBeta];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.LayerNormBackwardParams(X, Mean, Rstd, Dy, DGamma, DBeta);
}

/// <summary>Column means and biased variances of x [B, C].</summary>
public sealed record ColumnMomentsCall(Tensor X, Tensor Mean, Tensor Variance) : Call(Mean)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [X];

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Outputs => [Mean, Variance];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.ColumnMoments(X, Mean, Variance);
}

/// <summary>y = (x − mean)·rstd by column.</summary>
public sealed record NormalizeColumnsCall(Tensor X, Tensor Mean, Tensor Rstd, Tensor Y) : Call(Y)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [X, Mean, Rstd];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.NormalizeColumns(X, Mean, Rstd, Y);
}

/// <summary>dx of batch normalisation with batch statistics, from its output y.</summary>
public sealed record NormalizeColumnsBackwardCall(Tensor Y, Tensor Rstd, Tensor Dy, Tensor Dx) : Call(Dx)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [Y, Rstd, Dy];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.NormalizeColumnsBackward(Y, Rstd, Dy, Dx);
}
