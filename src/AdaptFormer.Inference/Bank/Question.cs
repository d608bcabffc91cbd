using System.Diagnostics;

namespace AdaptFormer.Inference;

/// <summary>One input and one task, waiting for its pass. It holds a pin on the task until it is answered.</summary>
/// <param name="task">The task.</param>
/// <param name="input">The input.</param>
/// <param name="deadline">How long it may wait; null for ever.</param>
/// <param name="cancellation">Says that nobody wants the answer any more.</param>
internal sealed class Question(TaskVersion task, PreparedInput input, TimeSpan? deadline, CancellationToken cancellation)
{
    private readonly TaskCompletionSource<float[]> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _done;

    public TaskVersion Task => task;

    public PreparedInput Input => input;

    public long Since { get; } = Stopwatch.GetTimestamp();

    /// <summary>The logits, [K].</summary>
    public Task<float[]> Answer => _answer.Task;

    /// <summary>Whether it still wants an answer; ends it if not.</summary>
    public bool IsWanted()
    {
        if (cancellation.IsCancellationRequested)
        {
            if (Finish()) _answer.TrySetCanceled(cancellation);
            return false;
        }

        if (deadline is not { } limit || Stopwatch.GetElapsedTime(Since) <= limit) return true;
        Fail(new TimeoutException($"The question waited longer for its pass than {limit.TotalSeconds:0.###} s."));
        return false;
    }

    public void Succeed(float[] logits)
    {
        if (Finish()) _answer.TrySetResult(logits);
    }

    public void Fail(Exception error)
    {
        if (Finish()) _answer.TrySetException(error);
    }

    private bool Finish()
    {
        if (Interlocked.Exchange(ref _done, 1) != 0) return false;
        task.Unpin();
        return true;
    }
}
