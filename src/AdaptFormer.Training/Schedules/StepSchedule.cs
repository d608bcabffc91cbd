
namespace AdaptFormer.Training.Schedules;

/// <summary>Linear warm-up, then stairs: <c>lr = peak·γ^⌊e/every⌋</c>, e in epochs since the start of the run.</summary>
/// <param name="EveryEpochs">Length of a stair, at least 1.</param>
/// <param name="Gamma">Factor from one stair to the next, in (0, 1].</param>
/// <param name="WarmupEpochs">At least 0, fractions allowed.</param>
public sealed record StepSchedule(int EveryEpochs = 30, double Gamma = 0.1, double WarmupEpochs = 0) : Schedule
{
    /// <inheritdoc/>
    public override StepRate At(long step, ScheduledRun run)
    {
        long stair = step / run.StepsPerEpoch / EveryEpochs;
        return new StepRate(run.PeakLr * Warmup(run.Epoch(step), WarmupEpochs) * Math.Pow(Gamma, stair));
    }

    /// <inheritdoc/>
    public override void Check(RecipeCheck check)
    {
        check.Require(EveryEpochs >= 1, "every_epochs", EveryEpochs, "a whole number of at least 1");
        check.Require(Gamma is > 0 and <= 1, "gamma", Gamma, "a number in (0, 1]");
        CheckWarmup(check, WarmupEpochs);
    }
}
