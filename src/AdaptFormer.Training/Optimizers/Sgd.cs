using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Training.Optimizers;

/// <summary>Settings of <see cref="Sgd"/>; the defaults are the AdaptFormer authors' for images.</summary>
/// <param name="BaseLr">Learning rate for a batch of 256, at least 0.</param>
/// <param name="Lr">The learning rate whatever the batch, at least 0; overrides <paramref name="BaseLr"/> unless null.</param>
/// <param name="WeightDecay">Added to the gradient times the parameter, at least 0.</param>
/// <param name="DecayVectors">Whether biases, norms and scalars decay too.</param>
/// <param name="Momentum">In [0, 1); 0 keeps no momentum buffer.</param>
/// <param name="Dampening">Share of each gradient that does not enter the momentum buffer, in [0, 1].</param>
/// <param name="Nesterov">Looks one step ahead; needs momentum and no dampening.</param>
public sealed record SgdOptions(
    double BaseLr = 0.1, double? Lr = null, double WeightDecay = 0, bool DecayVectors = true,
    double Momentum = 0.9, double Dampening = 0, bool Nesterov = false)
    : OptimizerOptions(BaseLr, Lr, WeightDecay, DecayVectors)
{
    /// <inheritdoc/>
    public override Optimizer Create(IReadOnlyList<ParameterSegment> segments) => new Sgd(segments, this);

    /// <inheritdoc/>
    public override void Check(RecipeCheck check)
    {
        base.Check(check);
        check.Require(Momentum is >= 0 and < 1, "momentum", Momentum, "a number in [0, 1)");
        check.Require(Dampening is >= 0 and <= 1, "dampening", Dampening, "a number in [0, 1]");
        check.Require(
            !Nesterov || (Momentum > 0 && Dampening == 0), "nesterov", Nesterov, "false, or momentum above 0 and dampening 0 with it");
    }
}

/// <summary>
/// Stochastic gradient descent: <c>g = ∇ + wd·p</c>, <c>m = μ·m + (1 - dampening)·g</c> (<c>m = g</c> in the first step),
/// <c>p = p - lr·m</c>, or with Nesterov <c>p = p - lr·(g + μ·m)</c>.
/// </summary>
/// <remarks>PyTorch's definition: the learning rate multiplies the buffer, not the gradient, so a step with lr 0 still fills it.</remarks>
public sealed class Sgd : Optimizer
{
    private const string Buffer = "momentum";
    private readonly SgdOptions _options;

    /// <summary>An optimizer whose momentum buffer is empty.</summary>
    public Sgd(IReadOnlyList<ParameterSegment> segments, SgdOptions options)
        : base(segments, options.Momentum > 0 ? [Buffer] : []) => _options = options;

    /// <inheritdoc/>
    protected override void Update(ParameterSegment segment, Tensor p, Tensor g, double lr, double? momentum)
    {
        float decay = segment.Rank > 1 || _options.DecayVectors ? (float)_options.WeightDecay : 0;
        float intake = Steps == 1 ? 1 : (float)(1 - _options.Dampening);
        using Tensor? buffer = _options.Momentum == 0 ? null : StateOf(Buffer, segment);
        new SgdStepCall(p, g, buffer, new SgdSettings((float)lr, decay, (float)(momentum ?? _options.Momentum), intake,
            _options.Nesterov)).Run();
    }
}
