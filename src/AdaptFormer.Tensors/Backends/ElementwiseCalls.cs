namespace AdaptFormer.Tensors.Backends;

/// <summary>y = a + b.</summary>
public sealed record AddCall(Tensor A, Tensor B, Tensor Y) : Call(Y)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [A, B];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.Add(A, B, Y);
}

/// <summary>y = factor·x; y may be x.</summary>
public sealed record ScaleCall(Tensor X, float Factor, Tensor Y) : Call(Y)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [X];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.Scale(X, Factor, Y);
}

/// <summary>y = factor·s·x, s one number, f32.</summary>
public sealed record ScaleByCall(Tensor X, Tensor S, float Factor, Tensor Y) : Call(Y)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [X, S];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.ScaleBy(X, S, Factor, Y);
}

/// <summary>y[i] = factors[i / (length / factors' length)]·x[i]: one factor for each leading slice (drop-path by sample).</summary>
public sealed record ScaleSlicesCall(Tensor X, Tensor Factors, Tensor Y) : Call(Y)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [X, Factors];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.ScaleSlices(X, Factors, Y);
}

/// <summary>y = γ∘x + β over the last axis; γ and β in f32, β none if null.</summary>
public sealed record ScaleFeaturesCall(Tensor X, Tensor Gamma, Tensor? Beta, Tensor Y) : Call(Y)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [X, Gamma, Beta];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.ScaleFeatures(X, Gamma, Beta, Y);
}

/// <summary>sum [C] += Σ a∘b over all rows.</summary>
public sealed record SumProductsCall(Tensor A, Tensor B, Tensor Sum) : Call(Sum)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [A, B, Sum];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.SumProducts(A, B, Sum);
}

/// <summary>y = a∘b, f32.</summary>
public sealed record MultiplyCall(Tensor A, Tensor B, Tensor Y) : Call(Y)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [A, B];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.Multiply(A, B, Y);
}

/// <summary>y = factor·Σ aᵢ·bᵢ, one number; all f32, summed in higher precision.</summary>
public sealed record DotCall(Tensor A, Tensor B, float Factor, Tensor Y) : Call(Y)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [A, B];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.Dot(A, B, Factor, Y);
}

/// <summary>y = factor·Σ xᵢ, one number, f32, summed in higher precision.</summary>
public sealed record SumCall(Tensor X, float Factor, Tensor Y) : Call(Y)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [X];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.Sum(X, Factor, Y);
}

/// <summary>y = √Σ xᵢ², one number, f32.</summary>
public sealed record NormCall(Tensor X, Tensor Y) : Call(Y)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [X];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.Norm(X, Y);
}

/// <summary>y += share·(x − y), f32: a moving average takes x in.</summary>
public sealed record LerpCall(Tensor Y, Tensor X, float Share) : Call(Y)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [X, Y];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.Lerp(Y, X, Share);
}

/// <summary>y[r] = x[r] + p[r mod P]: adds p to every group of rows; f32; y may be x.</summary>
public sealed record AddBroadcastCall(Tensor X, Tensor P, Tensor Y) : Call(Y)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [X, P];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.AddBroadcast(X, P, Y);
}

/// <summary>dp[j] += Σ over groups of dy: the gradient of <see cref="AddBroadcastCall"/>.</summary>
public sealed record SumGroupsCall(Tensor Dy, Tensor Dp) : Call(Dp)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [Dy, Dp];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.SumGroups(Dy, Dp);
}

/// <summary>y = 1 when every element of x is finite, else 0; one number, f32.</summary>
public sealed record AllFiniteCall(Tensor X, Tensor Y) : Call(Y)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [X];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.AllFinite(X, Y);
}

/// <summary>y = 1/√(x + ε), f32.</summary>
public sealed record InverseRootCall(Tensor X, float Eps, Tensor Y) : Call(Y)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [X];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.InverseRoot(X, Eps, Y);
}

/// <summary>y = f(x); y may be x.</summary>
public sealed record ActivateCall(ActivationKind Kind, Tensor X, Tensor Y) : Call(Y)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [X];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.Activate(Kind, X, Y);
}

/// <summary>dx = f'·dy; what was kept is the input of both GELUs, the output of the others.</summary>
public sealed record ActivateBackwardCall(ActivationKind Kind, Tensor Kept, Tensor Dy, Tensor Dx) : Call(Dx)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [Kept, Dy];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.ActivateBackward(Kind, Kept, Dy, Dx);
}

/// <summary>
/// y = keep ? x/(1 − rate) : 0: the 16 bits from bit 16·(i mod 4) of <c>Rng.At(key, i/4)</c> keep element i when they are at least
/// rate·2¹⁶; y may be x.
/// </summary>
public sealed record DropoutCall(Tensor X, ulong Key, float Rate, Tensor Y) : Call(Y)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [X];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.Dropout(X, Key, Rate, Y);
}
