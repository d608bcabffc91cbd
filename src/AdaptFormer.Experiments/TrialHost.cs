using AdaptFormer.Runs;
using AdaptFormer.Training;

namespace AdaptFormer.Experiments;

/// <summary>Where trials run.</summary>
public abstract class TrialHost
{
    /// <summary>Trials that may run at once.</summary>
    public abstract int MaxJobs { get; }

    /// <summary>Trains one trial; afterwards its folder holds a finished run.</summary>
    /// <param name="trial">What to train.</param>
    /// <param name="folder">Its run directory; an unfinished run in it is begun anew.</param>
    /// <param name="threads">Threads that compute.</param>
    /// <param name="report">Gets what the run reports.</param>
    /// <param name="cancellation">Stops between two batches.</param>
    /// <returns>Null, or why its training diverged: an outcome of the experiment, not the end of it.</returns>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    /// <exception cref="IOException">A file cannot be read or written.</exception>
    /// <exception cref="TrialFailedException">It failed in a process of its own.</exception>
    public abstract string? Run(Trial trial, string folder, int threads, Action<RunRecord> report, CancellationToken cancellation);
}

/// <summary>Runs trials in this process, one after the other. Their peak memory is then the process's.</summary>
public sealed class InProcessHost : TrialHost
{
    /// <inheritdoc/>
    public override int MaxJobs => 1;

    /// <inheritdoc/>
    public override string? Run(Trial trial, string folder, int threads, Action<RunRecord> report, CancellationToken cancellation)
    {
        try
        {
            TrainingRun.Execute(trial.Recipe, folder, ExistingRun.Overwrite, report, cancellation);
            return null;
        }
        catch (Exception diverged) when (TrialProcess.IsDivergence(diverged))
        {
            return diverged.Message;
        }
        catch (TrainingStoppedException stopped)
        {
            throw new OperationCanceledException(stopped.Message, stopped, cancellation);
        }
    }
}

/// <summary>A trial failed in a process of its own; every other trial would fail likewise, so the experiment ends.</summary>
/// <param name="message">What it said.</param>
/// <param name="wrongCall">Whether the recipe was at fault, and not the run.</param>
public sealed class TrialFailedException(string message, bool wrongCall) : Exception(message)
{
    /// <summary>Whether the recipe was at fault, and not the run.</summary>
    public bool WrongCall { get; } = wrongCall;
}
