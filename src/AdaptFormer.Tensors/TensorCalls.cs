namespace AdaptFormer.Tensors;

/// <summary>y = value.</summary>
public sealed record FillCall(Tensor Y, float Value) : Call(Y)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.Fill(Y, Value);
}

/// <summary>y = x, converted to y's type.</summary>
public sealed record CopyCall(Tensor X, Tensor Y) : Call(Y)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [X];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.Copy(X, Y);
}

/// <summary>y += scale·x.</summary>
public sealed record AddIntoCall(Tensor Y, Tensor X, float Scale = 1) : Call(Y)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Inputs => [X, Y];

    /// <inheritdoc/>
    public override void RunOn(Kernels kernels) => kernels.AddInto(Y, X, Scale);
}
