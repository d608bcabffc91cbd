using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace AdaptFormer.Inference;

/// <summary>
/// The one thread that runs passes: a second one would have one core to itself while the first has all others, and be slower than waiting.
/// It gathers questions to batches, and does other work on the model between them.
/// </summary>
internal sealed class InferenceThread : IDisposable
{
    private static readonly Meter Meter = new("AdaptFormer.Inference");
    private static readonly Histogram<int> BatchRows = Meter.CreateHistogram<int>(
        "adaptformer.batch.rows", "{row}", "Inputs of a pass", null,
        new InstrumentAdvice<int> { HistogramBucketBoundaries = [1, 2, 4, 8, 16, 32, 64, 128] });
    private static readonly Histogram<double> QueueSeconds = Meter.CreateHistogram<double>(
        "adaptformer.queue.duration", "s", "How long questions waited for their pass", null, Buckets);
    private static readonly Histogram<double> PassSeconds = Meter.CreateHistogram<double>(
        "adaptformer.pass.duration", "s", "How long passes took", null, Buckets);

    private readonly object _gate = new();
    private readonly FairQueue _queue;
    private readonly PassRunner _runner;
    private readonly TaskBankOptions _options;
    private readonly List<(long Due, Action Work)> _jobs = [];
    private readonly Thread _thread;
    private TaskCompletionSource _room = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _closed;

    public InferenceThread(PassRunner runner, TaskBankOptions options)
    {
        (_runner, _options) = (runner, options);
        _queue = new FairQueue(options.QueueLength, options.MostOfOneTask);
        _thread = new Thread(Work) { IsBackground = true, Name = "inference" };
        _thread.Start();
    }

    private static InstrumentAdvice<double> Buckets => new()
    {
        HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    };

    /// <summary>Questions that wait.</summary>
    public int Waiting
    {
        get
        {
            lock (_gate) return _queue.Count;
        }
    }

    /// <summary>Puts questions into the queue, all or none.</summary>
    /// <returns>Null; where there is no room now, what to wait for before trying again.</returns>
    /// <exception cref="BankBusyException">There is no room, and such questions are to be refused.</exception>
    /// <exception cref="ObjectDisposedException">The bank was closed.</exception>
    public Task? TryAdd(IReadOnlyList<Question> questions)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_closed, typeof(TaskBank));
            if (_queue.Refusal(questions.Select(question => question.Task.Name)) is { } refusal)
                return _options.WhenFull == WhenFull.Wait ? _room.Task : throw new BankBusyException(refusal);
            foreach (Question question in questions) _queue.Add(question);
            Monitor.Pulse(_gate);
            return null;
        }
    }

    /// <summary>Does other work with the model between two passes.</summary>
    /// <param name="work">The work.</param>
    /// <param name="patience">How long it waits for a moment when no question does.</param>
    /// <exception cref="ObjectDisposedException">The bank was closed.</exception>
    public Task<T> RunAsync<T>(Func<T> work, TimeSpan patience)
    {
        TaskCompletionSource<T> done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_closed, typeof(TaskBank));
            _jobs.Add((Stopwatch.GetTimestamp() + (long)(patience.TotalSeconds * Stopwatch.Frequency), () =>
            {
                try
                {
                    done.TrySetResult(work());
                }
                catch (Exception e)
                {
                    done.TrySetException(e);
                }
            }
            ));
            Monitor.Pulse(_gate);
        }

        return done.Task;
    }

    /// <summary>Takes no more, answers what was taken, and ends.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _closed = true;
            Monitor.Pulse(_gate);
        }

        _thread.Join();
    }

    private void Work()
    {
        while (true)
        {
            Action? job = null;
            List<Question> batch = [];
            lock (_gate)
            {
                while (!_closed && _queue.Count == 0 && _jobs.Count == 0) Monitor.Wait(_gate);
                if (_closed && _queue.Count == 0 && _jobs.Count == 0) return;
                int due = _jobs.FindIndex(waiting => waiting.Due <= Stopwatch.GetTimestamp());
                if (due < 0 && _queue.Count == 0) due = 0;
                if (due >= 0)
                {
                    job = _jobs[due].Work;
                    _jobs.RemoveAt(due);
                }

                if (_queue.Count > 0)
                {
                    while (!_closed && _queue.Rows < _options.BatchSize && _queue.Oldest is { } oldest
                        && _options.Delay - Stopwatch.GetElapsedTime(oldest) is var rest && rest > TimeSpan.Zero) Monitor.Wait(_gate, rest);
                    batch = _queue.Take(_options.BatchSize);
                    (TaskCompletionSource room, _room) = (_room, new(TaskCreationOptions.RunContinuationsAsynchronously));
                    room.TrySetResult();
                }
            }

            if (batch.Count > 0) Answer(batch);
            job?.Invoke();
        }
    }

    private void Answer(List<Question> batch)
    {
        long began = Stopwatch.GetTimestamp();
        foreach (Question question in batch) QueueSeconds.Record(Stopwatch.GetElapsedTime(question.Since, began).TotalSeconds);
        List<Question> sound = [];
        foreach (Question question in batch)
        {
            try
            {
                question.Task.Test();
                sound.Add(question);
            }
            catch (Exception e)
            {
                question.Fail(e);
            }
        }

        if (sound.Count == 0) return;
        try
        {
            float[][] answers = _runner.Run(sound);
            foreach (Question question in sound) question.Task.Measure();
            for (int i = 0; i < answers.Length; i++) sound[i].Succeed(answers[i]);
        }
        catch (Exception e)
        {
            foreach (Question question in sound) question.Fail(e);
        }

        BatchRows.Record(sound.Sum(question => question.Input.Rows));
        PassSeconds.Record(Stopwatch.GetElapsedTime(began).TotalSeconds);
    }
}
