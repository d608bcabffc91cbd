using System.Text.Json.Serialization;

namespace AdaptFormer.Training.Schedules;

/// <summary>The shape of a <see cref="OneCycleSchedule"/>'s slopes.</summary>
[JsonConverter(typeof(SnakeCaseEnum<Anneal>))]
public enum Anneal
{
    /// <summary>Half a cosine.</summary>
    Cosine,

    /// <summary>A straight line.</summary>
    Linear,
}

/// <summary>
/// One cycle over the whole run: up from <c>peak/div_factor</c> to the peak in the first <c>pct_start</c> of the steps, then
/// down to <c>peak/div_factor/final_div_factor</c>. Momentum (Adam's β₁) goes the other way. With three phases the rate first
/// returns to where it began, as slowly as it rose, then falls to the end.
/// </summary>
/// <remarks>arXiv:1803.09820; phase ends lie where PyTorch's OneCycleLR puts them. ASL's recipe for NUS-WIDE uses it with Adam.</remarks>
/// <param name="PctStart">Share of steps that rise, in (0, 1); below 0.5 with three phases.</param>
/// <param name="DivFactor">Peak over first rate, positive.</param>
/// <param name="FinalDivFactor">First over last rate, positive.</param>
/// <param name="Anneal">Shape of the slopes.</param>
/// <param name="ThreePhase">Descends in two phases.</param>
/// <param name="CycleMomentum">Cycles momentum too; when false the optimizer keeps its own.</param>
/// <param name="BaseMomentum">Momentum at the peak, in [0, 1).</param>
/// <param name="MaxMomentum">Momentum at both ends, in [0, 1).</param>
public sealed record OneCycleSchedule(
    double PctStart = 0.3, double DivFactor = 25, double FinalDivFactor = 1e4, Anneal Anneal = Anneal.Cosine,
    bool ThreePhase = false, bool CycleMomentum = true, double BaseMomentum = 0.85, double MaxMomentum = 0.95) : Schedule
{
    /// <inheritdoc/>
    public override StepRate At(long step, ScheduledRun run)
    {
        double first = run.PeakLr / DivFactor, last = first / FinalDivFactor;
        double top = (PctStart * run.Steps) - 1, end = run.Steps - 1;

        if (step <= top) return Between(first, run.PeakLr, MaxMomentum, BaseMomentum, step / top);
        if (!ThreePhase) return Between(run.PeakLr, last, BaseMomentum, MaxMomentum, (step - top) / (end - top));

        double back = (2 * PctStart * run.Steps) - 2;
        return step <= back
            ? Between(run.PeakLr, first, BaseMomentum, MaxMomentum, (step - top) / (back - top))
            : Between(first, last, MaxMomentum, MaxMomentum, (step - back) / (end - back));
    }

    /// <inheritdoc/>
    public override void Check(RecipeCheck check)
    {
        check.Require(PctStart > 0 && PctStart < (ThreePhase ? 0.5 : 1), "pct_start", PctStart, ThreePhase
            ? "a number in (0, 0.5)" : "a number in (0, 1)");
        check.Require(double.IsFinite(DivFactor) && DivFactor > 0, "div_factor", DivFactor, "a number above 0");
        check.Require(double.IsFinite(FinalDivFactor) && FinalDivFactor > 0, "final_div_factor", FinalDivFactor, "a number above 0");
        check.Require(BaseMomentum is >= 0 and < 1, "base_momentum", BaseMomentum, "a number in [0, 1)");
        check.Require(MaxMomentum is >= 0 and < 1, "max_momentum", MaxMomentum, "a number in [0, 1)");
    }

    private StepRate Between(double lrFrom, double lrTo, double momentumFrom, double momentumTo, double done)
    {
        // A phase of no length (a run of very few steps) is over at once: 0/0.
        double passed = double.IsFinite(done) ? done : 1;
        double weight = Anneal == Anneal.Linear ? passed : 0.5 * (1 - Math.Cos(Math.PI * passed));
        return new StepRate(lrFrom + ((lrTo - lrFrom) * weight), CycleMomentum
            ? momentumFrom + ((momentumTo - momentumFrom) * weight) : null);
    }
}
