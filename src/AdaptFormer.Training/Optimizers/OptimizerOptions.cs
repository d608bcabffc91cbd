using System.Text.Json.Serialization;

namespace AdaptFormer.Training.Optimizers;

/// <summary>Which optimizer runs and with what settings: the <c>optimizer</c> section of a recipe.</summary>
/// <param name="BaseLr">Learning rate for a batch of 256 pictures, at least 0; see <see cref="PeakLr"/>.</param>
/// <param name="Lr">The learning rate as it is used, whatever the batch, at least 0; overrides <paramref name="BaseLr"/> unless
/// null.</param>
/// <param name="WeightDecay">At least 0.</param>
/// <param name="DecayVectors">Whether biases, norms and scalars (rank below 2) decay too, as they do in PyTorch unless told
/// otherwise.</param>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "name")]
[JsonDerivedType(typeof(SgdOptions), "sgd")]
[JsonDerivedType(typeof(AdamOptions), "adam")]
[JsonDerivedType(typeof(AdamWOptions), "adamw")]
[JsonDerivedType(typeof(LarsOptions), "lars")]
public abstract record OptimizerOptions(double BaseLr, double? Lr, double WeightDecay, bool DecayVectors)
{
    /// <summary>
    /// The learning rate at the top of the schedule: <c>lr = base_lr · batch / 256</c>, or <see cref="Lr"/> when that is set.
    /// </summary>
    /// <param name="effectiveBatch">Pictures per optimizer step: batch × accumulation steps × processes, positive.</param>
    /// <remarks>Linear scaling rule, arXiv:1706.02677, as the AdaptFormer authors apply it.</remarks>
    public double PeakLr(int effectiveBatch)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(effectiveBatch);
        return Lr ?? BaseLr * effectiveBatch / 256;
    }

    /// <summary>The optimizer for parameters laid out as <paramref name="segments"/>.</summary>
    public abstract Optimizer Create(IReadOnlyList<ParameterSegment> segments);

    /// <summary>Adds to <paramref name="check"/> what is out of range here.</summary>
    public virtual void Check(RecipeCheck check)
    {
        check.Require(double.IsFinite(BaseLr) && BaseLr >= 0, "base_lr", BaseLr, "a number of at least 0");
        check.Require(Lr is null || (double.IsFinite(Lr.Value) && Lr >= 0), "lr", Lr, "null or a number of at least 0");
        check.Require(double.IsFinite(WeightDecay) && WeightDecay >= 0, "weight_decay", WeightDecay, "a number of at least 0");
    }
}
