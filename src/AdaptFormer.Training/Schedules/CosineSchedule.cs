
namespace AdaptFormer.Training.Schedules;

/// <summary>
/// Linear warm-up, then half a cosine: <c>lr = peak·e/w</c> while e &lt; w, then
/// <c>lr = min + (peak - min)·½(1 + cos(π(e - w)/(E - w)))</c>; e counts epochs with their fraction, E is their number.
/// </summary>
/// <remarks>arXiv:1608.03983 as the AdaptFormer authors use it: set per step, so step 0 of a warm-up has rate 0, and the warm-up starts
/// at 0, not at the floor.</remarks>
/// <param name="WarmupEpochs">w, at least 0, fractions allowed. A run of no more than w epochs ends within the warm-up.</param>
/// <param name="MinLr">Rate at the end, at least 0; not scaled by the batch.</param>
public sealed record CosineSchedule(double WarmupEpochs = 0, double MinLr = 0) : Schedule
{
    /// <inheritdoc/>
    public override StepRate At(long step, ScheduledRun run)
    {
        double epoch = run.Epoch(step);
        if (epoch < WarmupEpochs) return new StepRate(run.PeakLr * Warmup(epoch, WarmupEpochs));

        double done = (epoch - WarmupEpochs) / (run.Epochs - WarmupEpochs);
        return new StepRate(MinLr + ((run.PeakLr - MinLr) * 0.5 * (1 + Math.Cos(Math.PI * done))));
    }

    /// <inheritdoc/>
    public override void Check(RecipeCheck check)
    {
        CheckWarmup(check, WarmupEpochs);
        check.Require(double.IsFinite(MinLr) && MinLr >= 0, "min_lr", MinLr, "a number of at least 0");
    }
}
