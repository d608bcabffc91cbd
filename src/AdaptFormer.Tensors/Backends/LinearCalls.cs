namespace AdaptFormer.Tensors.Backends;

/// <summary>y = residual + scale·f(x·Wᵀ + b); residual and bias may be null, y may be the residual.</summary>
public sealed record LinearCall(Tensor X, Tensor Weight, Tensor? Bias, Tensor? Residual, float Scale, Epilogue Epilogue, Tensor Y) : Call(Y)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [X, Weight, Bias, Residual];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.Linear(X, Weight, Bias, Residual, Scale, Epilogue, Y);
}

/// <summary>
/// y = x + Δ(x), each run of samples with a Δ of its own, the runs one behind the other through all samples of x; where there is none,
/// y = x. y may be x.
/// </summary>
public sealed record AddBottlenecksCall(
    Tensor X, IReadOnlyList<(int Start, int Count, Bottleneck? Bottleneck)> Runs, Tensor Y) : Call(Y)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs =>
        [X, .. Runs.SelectMany(run => run.Bottleneck is { } b ? (Tensor?[])[b.Down, b.DownBias, b.Up, b.UpBias] : [])];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.AddBottlenecks(X, Runs, Y);

    /// <summary>Multiply-adds of one of the two products of all runs.</summary>
    internal long HiddenTimesInputs =>
        Runs.Sum(run => run.Bottleneck is { } b ? X.Length / Math.Max(1, X.Shape[0]) * run.Count * b.Down.Shape[0] : 0);
}

/// <summary>
/// y = GELU(x·Wᵀ + b); <c>kept</c>, of the type that <see cref="Backend.GeluKept"/> names, becomes what the backward pass reads.
/// </summary>
public sealed record LinearGeluCall(Tensor X, Tensor Weight, Tensor? Bias, Tensor Kept, Tensor Y) : Call(Y)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [X, Weight, Bias];

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Outputs => [Y, Kept];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.LinearGelu(X, Weight, Bias, Kept, Y);
}

/// <summary>The gradient before the activation, from what <see cref="LinearGeluCall"/> kept.</summary>
public sealed record LinearGeluBackwardCall(Tensor Kept, Tensor Dy, Tensor DPre) : Call(DPre)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [Kept, Dy];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.LinearGeluBackward(Kept, Dy, DPre);
}

/// <summary>dx (+)= scale·dy·W, dy in the type of the product.</summary>
public sealed record LinearBackwardInputCall(Tensor Dy, Tensor Weight, float Scale, Tensor Dx, bool Accumulate) : Call(Dx)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [Dy, Weight];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.LinearBackwardInput(Dy, Weight, Scale, Dx, Accumulate);
}

/// <summary>dW += scale·dyᵀ·x.</summary>
public sealed record LinearBackwardWeightCall(Tensor Dy, Tensor X, float Scale, Tensor DWeight) : Call(DWeight)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [Dy, X, DWeight];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.LinearBackwardWeight(Dy, X, Scale, DWeight);
}

/// <summary>db += scale·Σ rows of dy, read as rows as long as db; db in f32.</summary>
public sealed record LinearBackwardBiasCall(Tensor Dy, float Scale, Tensor DBias) : Call(DBias)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [Dy, DBias];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.LinearBackwardBias(Dy, Scale, DBias);
}
