using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;

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
/// Layer-wise adaptive rate scaling, arXiv:1708.03888. A matrix takes <c>g = ∇ + wd·p</c> times <c>q = η·‖p‖/‖g‖</c> (1 when
/// either norm is 0); a bias or norm takes <c>g = ∇</c>. Then <c>m = μ·m + q·g</c>, <c>p = p - lr·m</c>.
/// </summary>
/// <remarks>Which tensors are exempt follows the optimizer that the AdaptFormer authors ship beside SGD: those of at most one
/// axis.</remarks>
public sealed class Lars : Optimizer
{
    private readonly LarsOptions _options;

    /// <summary>An optimizer whose momentum buffer is zero.</summary>
    public Lars(IReadOnlyList<ParameterSegment> segments, LarsOptions options)
        : base(segments, "momentum") => _options = options;

    /// <inheritdoc/>
    protected override void Update(ParameterSegment segment, Tensor p, Tensor g, double lr, double? momentum)
    {
        using Tensor buffer = StateOf("momentum", segment);
        (float decay, float q) = segment.Rank > 1 ? ((float)_options.WeightDecay, TrustRatio(p, g)) : (0, 1);
        new SgdStepCall(p, g, buffer, new SgdSettings((float)lr, decay, (float)(momentum ?? _options.Momentum), q, Nesterov: false)).Run();
    }

    private float TrustRatio(Tensor p, Tensor g)
    {
        using TensorScope scope = new();
        Tensor update = g.NewEmpty(g.Shape), norm = g.NewEmpty(new Shape());
        new CopyCall(g, update).Run();
        new AddIntoCall(update, p, (float)_options.WeightDecay).Run();
        double length = NormOf(p), updateLength = NormOf(update);
        return length > 0 && updateLength > 0 ? (float)(_options.TrustCoefficient * length / updateLength) : 1;

        double NormOf(Tensor x)
        {
            new NormCall(x, norm).Run();
            return norm.Item();
        }
    }
}
