using AdaptFormer.Training.Recipes;

namespace AdaptFormer.Training.Optimizers;

/// <summary>Settings of <see cref="Lars"/>.</summary>
/// <param name="BaseLr">Learning rate for a batch of 256, at least 0.</param>
/// <param name="Lr">The learning rate whatever the batch, at least 0; overrides <paramref name="BaseLr"/> unless null.</param>
/// <param name="WeightDecay">Added to the gradient of a matrix times the matrix, at least 0.</param>
/// <param name="DecayVectors">Always false: LARS leaves biases, norms and scalars alone.</param>
/// <param name="Momentum">In [0, 1).</param>
/// <param name="TrustCoefficient">η, positive.</param>
public sealed record LarsOptions(
    double BaseLr = 0.1, double? Lr = null, double WeightDecay = 0, bool DecayVectors = false,
    double Momentum = 0.9, double TrustCoefficient = 0.001)
    : OptimizerOptions(BaseLr, Lr, WeightDecay, DecayVectors)
{
    /// <inheritdoc/>
    public override Optimizer Create(IReadOnlyList<ParameterSegment> segments) => new Lars(segments, this);

    /// <inheritdoc/>
    public override void Check(RecipeCheck check)
    {
        base.Check(check);
        check.Require(Momentum is >= 0 and < 1, "momentum", Momentum, "a number in [0, 1)");
        check.Require(double.IsFinite(TrustCoefficient) && TrustCoefficient > 0, "trust_coefficient", TrustCoefficient, "a number above 0");
        check.Require(!DecayVectors, "decay_vectors", DecayVectors, "false: LARS never decays biases and norms");
    }
}

/// <summary>
/// Layer-wise adaptive rate scaling, arXiv:1708.03888. A matrix takes <c>g = ∇ + wd·p</c> times
/// <c>q = η·‖p‖/‖g‖</c> (1 when either norm is 0); a bias or norm takes <c>g = ∇</c>. Then <c>m = μ·m + q·g</c>, <c>p = p - lr·m</c>.
/// </summary>
/// <remarks>Which tensors are exempt follows the optimizer that the AdaptFormer authors ship beside SGD: those of at most one axis.</remarks>
public sealed class Lars : Optimizer
{
    private readonly LarsOptions _options;

    /// <summary>An optimizer whose momentum buffer is zero.</summary>
    public Lars(IReadOnlyList<ParameterSegment> segments, LarsOptions options)
        : base(segments, "momentum") => _options = options;

    /// <inheritdoc/>
    protected override void Update(ParameterSegment segment, Span<float> parameters, ReadOnlySpan<float> gradients, double lr, double? momentum)
    {
        Span<float> buffer = StateOf("momentum", segment);
        float mu = (float)(momentum ?? _options.Momentum), rate = (float)lr;
        float decay = 0, q = 1;
        if (segment.Rank > 1)
        {
            decay = (float)_options.WeightDecay;
            q = TrustRatio(parameters, gradients, decay);
        }

        for (int i = 0; i < parameters.Length; i++)
        {
            buffer[i] = (mu * buffer[i]) + (q * (gradients[i] + (decay * parameters[i])));
            parameters[i] -= rate * buffer[i];
        }
    }

    private float TrustRatio(ReadOnlySpan<float> parameters, ReadOnlySpan<float> gradients, float decay)
    {
        double parameterSquares = 0, updateSquares = 0;
        for (int i = 0; i < parameters.Length; i++)
        {
            double update = gradients[i] + (decay * parameters[i]);
            parameterSquares += (double)parameters[i] * parameters[i];
            updateSquares += update * update;
        }

        return parameterSquares > 0 && updateSquares > 0
            ? (float)(_options.TrustCoefficient * Math.Sqrt(parameterSquares / updateSquares))
            : 1;
    }
}
