using AdaptFormer.Cli.Output;
using AdaptFormer.Distributed;
using AdaptFormer.Experiments;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Training;

namespace AdaptFormer.Cli.Commands;

/// <summary>What the program says, and with which code it ends, when something went wrong.</summary>
internal static class Failure
{
    /// <summary>Exit code of a run that failed.</summary>
    public const int FailedRun = 1;

    /// <summary>Exit code of a call that could not be carried out as written.</summary>
    public const int WrongCall = 2;

    /// <summary>Exit code after Ctrl-C: 128 + SIGINT, as shells have it.</summary>
    public const int Stopped = 130;

    /// <summary>Exit code of processes that were stopped and saved where they stood, so that the same call with <c>--resume</c> goes on:
    /// EX_TEMPFAIL.</summary>
    public const int TryAgain = 75;

    /// <summary>Exit code of processes one of which did not answer: EX_SOFTWARE.</summary>
    public const int FailedExchange = 70;

    /// <summary>Environment variable that asks for stack traces when it is <c>1</c>.</summary>
    public const string DebugVariable = "ADAPTFORMER_DEBUG";

    /// <summary>Says what went wrong on stderr.</summary>
    /// <returns>The exit code.</returns>
    public static int Report(Exception error, Screen screen)
    {
        if (error is AggregateException { InnerExceptions: [var only] }) error = only;
        (int code, string message) = Describe(error);
        screen.Error(Debug ? error.ToString() : message);
        return code;
    }

    private static bool Debug => Environment.GetEnvironmentVariable(DebugVariable) == "1";

    /// <summary>The exit code and the message of an exception.</summary>
    public static (int Code, string Message) Describe(Exception error) => error switch
    {
        TrainingStoppedException => (Stopped, error.Message),
        OperationCanceledException => (Stopped, "Stopped."),
        RecipeException => (WrongCall, error.Message),
        TrialFailedException trial => (trial.WrongCall ? WrongCall : FailedRun, error.Message),
        DisagreementException => (WrongCall, error.Message),
        ExchangeException => (FailedExchange, error.Message),
        ArgumentException => (WrongCall, WithoutParameter(error)),
        OutOfMemoryException => (FailedRun,
            "Out of memory: use a smaller batch (--set batch=…, with accumulate to keep the step as large) or a smaller model."),
        IOException or UnauthorizedAccessException or InvalidDataException or DllNotFoundException or NotSupportedException
            or NotFiniteNumberException => (FailedRun, error.Message),
        _ when IsOurs(error) => (FailedRun, error.Message),
        _ => (FailedRun, $"Unexpected {error.GetType().Name}: {error.Message} Set {DebugVariable}=1 to see where."),
    };

    // An exception type of this program has a message made for people.
    private static bool IsOurs(Exception error) => error.GetType().Namespace?.StartsWith("AdaptFormer", StringComparison.Ordinal) == true;

    // .NET appends "(Parameter 'x')" and the actual value, which mean nothing on a command line.
    private static string WithoutParameter(Exception error)
    {
        int at = error.Message.IndexOf(" (Parameter '", StringComparison.Ordinal);
        return at > 0 ? error.Message[..at] : error.Message;
    }
}
