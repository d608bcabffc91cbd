namespace AdaptFormer.Inference;

/// <summary>What a bank does with a question when its queue is full.</summary>
public enum WhenFull
{
    /// <summary>The asker waits for a place.</summary>
    Wait,

    /// <summary>The question is refused at once (<see cref="BankBusyException"/>).</summary>
    Refuse,
}

/// <summary>Sizes and limits of a <see cref="TaskBank"/>.</summary>
/// <param name="BatchSize">Most inputs of one pass, at least 1.</param>
/// <param name="BatchDelay">How long the first question of a pass waits for others to come; 2 ms if null.</param>
/// <param name="QueueLength">Questions that may wait, of all tasks together.</param>
/// <param name="TaskQueueLength">Questions of one task that may wait, so that none fills the queue for the others; half of all if
/// null.</param>
/// <param name="WhenFull">What happens to a question beyond that.</param>
/// <param name="Deadline">
/// How long a question may wait for its pass before it is given up (<see cref="TimeoutException"/>); for ever if null.
/// </param>
/// <param name="TrunkBytes">Memory for the trunks of pictures that were asked lately; 0 keeps none.</param>
/// <param name="TaskBytes">
/// Memory that tasks may hold; beyond it those that were not asked for longest go, and are read again when somebody asks.
/// </param>
/// <param name="Inputs">Limits of what is asked about.</param>
public sealed record TaskBankOptions(
    int BatchSize = 32, TimeSpan? BatchDelay = null, int QueueLength = 256, int? TaskQueueLength = null, WhenFull WhenFull = WhenFull.Wait,
    TimeSpan? Deadline = null, long TrunkBytes = 64 << 20, long TaskBytes = 4L << 30, InputLimits? Inputs = null)
{
    internal TimeSpan Delay => BatchDelay ?? TimeSpan.FromMilliseconds(2);

    internal int MostOfOneTask => TaskQueueLength ?? Math.Max(1, QueueLength / 2);

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">A value is out of range; the message lists all such values.</exception>
    public void Validate()
    {
        List<string> problems = [];
        if (BatchSize is < 1 or > 4096) problems.Add($"batch_size is {BatchSize}, possible are 1 to 4096");
        if (Delay < TimeSpan.Zero || Delay > TimeSpan.FromSeconds(10)) problems.Add($"batch_delay is {Delay}, possible are 0 to 10 s");
        if (QueueLength < 1) problems.Add($"queue_length is {QueueLength}, expected 1 or more");
        if (MostOfOneTask < 1) problems.Add($"task_queue_length is {MostOfOneTask}, expected 1 or more");
        if (Deadline <= TimeSpan.Zero) problems.Add($"deadline is {Deadline}, expected more than 0");
        if (TrunkBytes < 0) problems.Add($"trunk_bytes is {TrunkBytes}, expected 0 or more");
        if (TaskBytes < 0) problems.Add($"task_bytes is {TaskBytes}, expected 0 or more");
        if (problems.Count > 0) throw new ArgumentException($"TaskBank: {string.Join("; ", problems)}.");
    }
}

/// <summary>Limits of the pictures and clips that a bank reads, checked ahead of the memory that they would take.</summary>
/// <param name="MaxBytes">Most bytes of a file.</param>
/// <param name="MaxPixels">Most pixels of a picture.</param>
/// <param name="MaxFrames">Most frames of a clip.</param>
public sealed record InputLimits(long MaxBytes = 64 << 20, long MaxPixels = 50_000_000, int MaxFrames = 3_000);
