using System.Diagnostics;
using AdaptFormer.Models;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Experiments;
using AdaptFormer.Runs.Recipes;

namespace AdaptFormer.Experiments;

/// <summary>A trial and what it is trained for.</summary>
/// <param name="Row">The row's name, for people.</param>
/// <param name="Trial">The trial.</param>
public readonly record struct QueuedTrial(string Row, Trial Trial);

/// <summary>Trains what is missing, as many at once as fit, and hands out what is finished.</summary>
/// <param name="store">Where trials lie.</param>
/// <param name="host">Where they run.</param>
/// <param name="slots">How many at once.</param>
/// <param name="report">Gets what happens; never called twice at once.</param>
public sealed class TrialScheduler(TrialStore store, TrialHost host, TrialSlots slots, Action<ExperimentRecord> report)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, TrialResult> _results = [];
    private long _peakBytes, _started;
    private double _epochsTrained, _epochsMissing;
    private int _done, _of;

    /// <summary>Brings all <paramref name="trials"/> to an end.</summary>
    /// <returns>What came of each, by name. A training that diverged is a result too.</returns>
    /// <exception cref="OperationCanceledException">It was stopped; finished trials stay.</exception>
    /// <exception cref="TrialFailedException">A trial could not be carried out; finished ones stay.</exception>
    public IReadOnlyDictionary<string, TrialResult> Run(IReadOnlyList<QueuedTrial> trials, CancellationToken cancellation)
    {
        List<QueuedTrial> distinct = [.. trials.DistinctBy(queued => queued.Trial.Name)];
        (_done, _of, _started, _epochsTrained) = (0, distinct.Count, Stopwatch.GetTimestamp(), 0);
        Queue<QueuedTrial> missing = [];
        foreach (QueuedTrial queued in distinct)
        {
            if (_results.GetValueOrDefault(queued.Trial.Name) is { } known) Finish(queued, known, kept: true);
            else if (store.Find(queued.Trial) is { } found) Finish(queued, found, kept: true);
            else missing.Enqueue(queued);
        }

        _epochsMissing = missing.Sum(queued => queued.Trial.Recipe.Epochs);
        Train(missing, cancellation);
        return trials.DistinctBy(queued => queued.Trial.Name)
            .ToDictionary(queued => queued.Trial.Name, queued => _results[queued.Trial.Name]);
    }

    private void Train(Queue<QueuedTrial> missing, CancellationToken cancellation)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        List<Task> running = [];
        try
        {
            while (missing.Count > 0 || running.Count > 0)
            {
                while (missing.Count > 0 && running.Count < slots.Allowed(running.Count, Interlocked.Read(ref _peakBytes)))
                {
                    QueuedTrial next = missing.Dequeue();
                    running.Add(Task.Factory.StartNew(() => Train(next, stop.Token), CancellationToken.None,
                        TaskCreationOptions.LongRunning, TaskScheduler.Default));
                }

                int ended = Task.WaitAny([.. running], CancellationToken.None);
                Task done = running[ended];
                running.RemoveAt(ended);
                done.GetAwaiter().GetResult();
            }
        }
        finally
        {
            stop.Cancel();
            foreach (Task task in running)
            {
                // The first failure is the one to tell; those that it stopped have nothing to add.
                try { task.Wait(CancellationToken.None); }
                catch (AggregateException) { }
            }
        }
    }

    private void Train(QueuedTrial queued, CancellationToken cancellation)
    {
        Trial trial = queued.Trial;
        string folder = store.Prepare(trial);
        int epochs = 0;
        // one type for all, wherever each is trained
        Recipe recipe = trial.Recipe with { Precision = trial.Recipe.Precision.Following(store.AutoPrecision) };
        string? diverged = host.Run(new Trial(recipe), folder, slots.Threads, record =>
        {
            lock (_gate)
            {
                if (record is EpochRecord)
                {
                    epochs++;
                    _epochsTrained++;
                }

                report(new TrialProgress(trial.Name, queued.Row, _done, _of, record, SecondsLeft(record)));
            }
        }, cancellation);

        TrialResult result = diverged is null
            ? store.Find(trial) ?? throw new InvalidDataException($"{folder}: the training ended, but left no result.")
            : new TrialResult(TrialStore.PathOf(trial), trial.Recipe.Seed, diverged, null, ReadLog(folder));
        lock (_gate)
        {
            _peakBytes = Math.Max(_peakBytes, result.Summary?.PeakBytes ?? 0);
            _epochsTrained += trial.Recipe.Epochs - epochs;
            Finish(queued, result, kept: false);
        }
    }

    private void Finish(QueuedTrial queued, TrialResult result, bool kept)
    {
        _results[queued.Trial.Name] = result;
        _done++;
        report(new TrialRecord(queued.Row, queued.Trial.Recipe.Seed, queued.Trial.Recipe.Epochs, result.Summary?.ValidationTop1,
            result.Failure,
            result.Summary?.Seconds ?? 0, kept, _done, _of, result.Folder));
    }

    private double? SecondsLeft(RunRecord record)
    {
        double part = record is ProgressRecord { Phase: "train", Steps: > 0 } progress
            ? (double)progress.Step / progress.Steps : 0, trained = _epochsTrained + part;
        return trained < 0.5 ? null : Stopwatch.GetElapsedTime(_started).TotalSeconds / trained * Math.Max(0, _epochsMissing - trained);
    }

    private static IReadOnlyList<EpochRecord> ReadLog(string folder)
    {
        using RunDirectory run = RunDirectory.Open(folder);
        return run.ReadLog();
    }
}
