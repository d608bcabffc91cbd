using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Training.Optimizers;

/// <summary>What <see cref="AdamOptions"/> and <see cref="AdamWOptions"/> share.</summary>
/// <param name="BaseLr">Learning rate for a batch of 256, at least 0.</param>
/// <param name="Lr">The learning rate whatever the batch, at least 0; overrides <paramref name="BaseLr"/> unless null.</param>
/// <param name="WeightDecay">At least 0.</param>
/// <param name="DecayVectors">Whether biases, norms and scalars decay too.</param>
/// <param name="Beta1">Decay of the mean of gradients, in [0, 1).</param>
/// <param name="Beta2">Decay of the mean of their squares, in [0, 1).</param>
/// <param name="Eps">Added to the denominator, positive.</param>
public abstract record AdamFamilyOptions(
    double BaseLr, double? Lr, double WeightDecay, bool DecayVectors, double Beta1, double Beta2, double Eps)
    : OptimizerOptions(BaseLr, Lr, WeightDecay, DecayVectors)
{
    /// <summary>Whether the decay acts on the parameter itself and not through the gradient.</summary>
    internal abstract bool Decoupled { get; }

    /// <inheritdoc/>
    public sealed override Optimizer Create(IReadOnlyList<ParameterSegment> segments) => new Adam(segments, this);

    /// <inheritdoc/>
    public sealed override void Check(RecipeCheck check)
    {
        base.Check(check);
        check.Require(Beta1 is >= 0 and < 1, "beta1", Beta1, "a number in [0, 1)");
        check.Require(Beta2 is >= 0 and < 1, "beta2", Beta2, "a number in [0, 1)");
        check.Require(double.IsFinite(Eps) && Eps > 0, "eps", Eps, "a number above 0");
    }
}

/// <summary>Settings of <see cref="Adam"/> with weight decay added to the gradient (L2).</summary>
/// <param name="BaseLr">Learning rate for a batch of 256, at least 0.</param>
/// <param name="Lr">The learning rate whatever the batch, at least 0; overrides <paramref name="BaseLr"/> unless null.</param>
/// <param name="WeightDecay">Added to the gradient times the parameter, at least 0.</param>
/// <param name="DecayVectors">Whether biases, norms and scalars decay too.</param>
/// <param name="Beta1">Decay of the mean of gradients, in [0, 1).</param>
/// <param name="Beta2">Decay of the mean of their squares, in [0, 1).</param>
/// <param name="Eps">Added to the denominator, positive.</param>
public sealed record AdamOptions(
    double BaseLr = 1e-3, double? Lr = null, double WeightDecay = 0, bool DecayVectors = true,
    double Beta1 = 0.9, double Beta2 = 0.999, double Eps = 1e-8)
    : AdamFamilyOptions(BaseLr, Lr, WeightDecay, DecayVectors, Beta1, Beta2, Eps)
{
    internal override bool Decoupled => false;
}

/// <summary>Settings of <see cref="Adam"/> with decoupled weight decay, arXiv:1711.05101.</summary>
/// <param name="BaseLr">Learning rate for a batch of 256, at least 0.</param>
/// <param name="Lr">The learning rate whatever the batch, at least 0; overrides <paramref name="BaseLr"/> unless null.</param>
/// <param name="WeightDecay">Share of the parameter, times the learning rate, that goes each step; at least 0.</param>
/// <param name="DecayVectors">Whether biases, norms and scalars decay too.</param>
/// <param name="Beta1">Decay of the mean of gradients, in [0, 1).</param>
/// <param name="Beta2">Decay of the mean of their squares, in [0, 1).</param>
/// <param name="Eps">Added to the denominator, positive.</param>
public sealed record AdamWOptions(
    double BaseLr = 1e-3, double? Lr = null, double WeightDecay = 0.01, bool DecayVectors = true,
    double Beta1 = 0.9, double Beta2 = 0.999, double Eps = 1e-8)
    : AdamFamilyOptions(BaseLr, Lr, WeightDecay, DecayVectors, Beta1, Beta2, Eps)
{
    internal override bool Decoupled => true;
}

/// <summary>
/// Adam, arXiv:1412.6980: <c>m = β₁m + (1-β₁)g</c>, <c>v = β₂v + (1-β₂)g²</c>,
/// <c>p = p - lr/(1-β₁ᵗ) · m / (√v/√(1-β₂ᵗ) + ε)</c>. With L2 decay <c>g = ∇ + wd·p</c>; decoupled, <c>p</c> is first
/// multiplied by <c>1 - lr·wd</c>.
/// </summary>
/// <remarks>PyTorch's definition, also where ε stands. A cycled β₁ enters the bias correction as its present value to the power
/// t.</remarks>
public sealed class Adam : Optimizer
{
    private readonly AdamFamilyOptions _options;

    /// <summary>An optimizer whose moments are zero.</summary>
    public Adam(IReadOnlyList<ParameterSegment> segments, AdamFamilyOptions options)
        : base(segments, "mean", "square") => _options = options;

    /// <inheritdoc/>
    protected override void Update(ParameterSegment segment, Tensor p, Tensor g, double lr, double? momentum)
    {
        double beta1 = momentum ?? _options.Beta1, beta2 = _options.Beta2;
        double decay = segment.Rank > 1 || _options.DecayVectors ? _options.WeightDecay : 0;
        AdamSettings settings = new(
            (float)beta1, (float)(1 - beta1), (float)beta2, (float)(1 - beta2), (float)_options.Eps,
            L2: _options.Decoupled ? 0 : (float)decay,
            Keep: _options.Decoupled ? (float)(1 - (lr * decay)) : 1,
            Step: (float)(lr / (1 - Math.Pow(beta1, Steps))),
            Root: (float)Math.Sqrt(1 - Math.Pow(beta2, Steps)));
        using Tensor mean = StateOf("mean", segment), square = StateOf("square", segment);
        new AdamStepCall(p, g, mean, square, settings).Run();
    }
}
