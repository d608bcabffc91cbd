
namespace AdaptFormer.Training.Schedules;

/// <summary>Linear warm-up, then one rate to the end.</summary>
/// <param name="WarmupEpochs">At least 0, fractions allowed.</param>
public sealed record ConstantSchedule(double WarmupEpochs = 0) : Schedule
{
    /// <inheritdoc/>
    public override StepRate At(long step, ScheduledRun run) => new(run.PeakLr * Warmup(run.Epoch(step), WarmupEpochs));

    /// <inheritdoc/>
    public override void Check(RecipeCheck check) => CheckWarmup(check, WarmupEpochs);
}
