namespace AdaptFormer.Inference;

/// <summary>A bank was asked for a task that it does not have.</summary>
public sealed class UnknownTaskException : ArgumentException
{
    /// <summary>Says which.</summary>
    /// <param name="task">The task's name.</param>
    /// <param name="known">The tasks that there are.</param>
    public UnknownTaskException(string task, IReadOnlyCollection<string> known)
        : base($"There is no task '{Shown(task)}'; {Known(known)}.") => Task = task;

    /// <summary>The name that was asked for.</summary>
    public string Task { get; }

    private static string Shown(string task) => task.Length <= 80 ? task : $"{task[..80]}…";

    private static string Known(IReadOnlyCollection<string> known) => known.Count switch
    {
        0 => "none is loaded",
        <= 12 => $"known: {string.Join(", ", known)}",
        _ => $"known: {string.Join(", ", known.Take(12))} and {known.Count - 12} more",
    };
}

/// <summary>A bank has as many questions waiting as it may have.</summary>
/// <param name="message">Which limit was reached.</param>
public sealed class BankBusyException(string message) : InvalidOperationException(message);
