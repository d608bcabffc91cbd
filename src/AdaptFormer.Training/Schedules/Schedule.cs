using System.Text.Json.Serialization;

namespace AdaptFormer.Training.Schedules;

/// <summary>How the learning rate goes over a run: the <c>schedule</c> section of a recipe. A pure function of the step.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "name")]
[JsonDerivedType(typeof(CosineSchedule), "cosine")]
[JsonDerivedType(typeof(OneCycleSchedule), "one_cycle")]
[JsonDerivedType(typeof(ConstantSchedule), "constant")]
[JsonDerivedType(typeof(StepSchedule), "step")]
public abstract record Schedule
{
    /// <summary>What optimizer step <paramref name="step"/> uses.</summary>
    /// <param name="step">Optimizer steps done before this one, from 0; with gradient accumulation one step covers several batches.</param>
    /// <param name="run">Length and peak of the run.</param>
    public abstract StepRate At(long step, ScheduledRun run);

    /// <summary>Adds to <paramref name="check"/> what is out of range here.</summary>
    public abstract void Check(RecipeCheck check);

    /// <summary>The factor of a linear warm-up: 0 at step 0, 1 from <paramref name="warmupEpochs"/> on.</summary>
    private protected static double Warmup(double epoch, double warmupEpochs) => epoch < warmupEpochs ? epoch / warmupEpochs : 1;

    private protected static void CheckWarmup(RecipeCheck check, double warmupEpochs) =>
        check.Require(double.IsFinite(warmupEpochs) && warmupEpochs >= 0, "warmup_epochs", warmupEpochs, "a number of at least 0");
}

/// <summary>What a <see cref="Schedule"/> needs to know of a run.</summary>
/// <param name="PeakLr">Learning rate at the top, at least 0.</param>
/// <param name="Epochs">Passes over the training data, positive.</param>
/// <param name="StepsPerEpoch">Optimizer steps in each, positive.</param>
public readonly record struct ScheduledRun(double PeakLr, int Epochs, int StepsPerEpoch)
{
    /// <summary>Optimizer steps in the whole run.</summary>
    public long Steps => (long)Epochs * StepsPerEpoch;

    /// <summary>Epochs done before <paramref name="step"/>, with the fraction.</summary>
    public double Epoch(long step) => (double)step / StepsPerEpoch;
}

/// <summary>Settings of one optimizer step.</summary>
/// <param name="Lr">Learning rate.</param>
/// <param name="Momentum">Momentum or Adam's β₁ when the schedule cycles it, else null: the optimizer's own.</param>
public readonly record struct StepRate(double Lr, double? Momentum = null);
