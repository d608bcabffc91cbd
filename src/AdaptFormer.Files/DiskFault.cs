using System.Diagnostics;
using System.Globalization;

namespace AdaptFormer.Files;

/// <summary>What happens at the chosen call.</summary>
internal enum DiskFaultKind
{
    /// <summary>Nothing: calls are only counted.</summary>
    None,

    /// <summary>The process ends before the call, as by SIGKILL or a power cut.</summary>
    Kill,

    /// <summary>The call fails: the disk is full.</summary>
    NoSpace,

    /// <summary>The call fails: the disk reports an error.</summary>
    InputOutput,
}

/// <summary>
/// Makes the n-th call that would change the file system fail, or be one too many for the process: how tests prove that nothing is lost. In
/// a process of its own by the environment variable <see cref="Variable"/>, such as <c>kill:17</c>, <c>enospc:17</c>, <c>eio:17</c> or
/// <c>eio:17+</c> (that call and all later ones); within a test by <see cref="Begin"/>, for the calls of that test's own flow.
/// </summary>
internal sealed class DiskFault
{
    /// <summary>The environment variable.</summary>
    public const string Variable = "ADAPTFORMER_FAULT";

    private const int NoSpaceError = 28, InputOutputError = 5;      // ENOSPC, EIO
    private static readonly DiskFault? OfProcess = Parse(Environment.GetEnvironmentVariable(Variable));
    private static readonly AsyncLocal<DiskFault?> OfFlow = new();
    private readonly DiskFaultKind _kind;
    private readonly long _at;
    private readonly bool _lasting, _endsProcess;
    private long _calls;

    private DiskFault(DiskFaultKind kind, long at, bool lasting, bool endsProcess) =>
        (_kind, _at, _lasting, _endsProcess) = (kind, at, lasting, endsProcess);

    /// <summary>Calls so far.</summary>
    public long Calls => Interlocked.Read(ref _calls);

    /// <summary>Whether the chosen call was reached.</summary>
    public bool Happened => Calls >= _at && _kind != DiskFaultKind.None;

    /// <summary>Begins to count in this flow of control and in what it starts.</summary>
    /// <param name="kind">What happens.</param>
    /// <param name="at">At which call, from 1.</param>
    /// <param name="lasting">Whether at all later ones too. A process that was killed makes none.</param>
    public static DiskFault Begin(DiskFaultKind kind, long at = long.MaxValue, bool lasting = false) =>
        OfFlow.Value = new DiskFault(kind, at, lasting || kind == DiskFaultKind.Kill, endsProcess: false);

    /// <summary>Ends what <see cref="Begin"/> began.</summary>
    public static void End() => OfFlow.Value = null;

    /// <summary>Stands ahead of every call that changes the file system.</summary>
    /// <param name="path">What it changes.</param>
    /// <exception cref="IOException">The call is chosen to fail.</exception>
    public static void Reach(string path) => (OfFlow.Value ?? OfProcess)?.Count(path);

    private void Count(string path)
    {
        long call = Interlocked.Increment(ref _calls);
        if (call != _at && !(_lasting && call > _at)) return;
        switch (_kind)
        {
            case DiskFaultKind.Kill when _endsProcess:
                using (Process self = Process.GetCurrentProcess()) self.Kill();
                Thread.Sleep(Timeout.Infinite);
                break;
            case DiskFaultKind.Kill:
                throw new KilledException();
            case DiskFaultKind.NoSpace:
                throw new IOException($"No space left on device : '{path}'", NoSpaceError);
            case DiskFaultKind.InputOutput:
                throw new IOException($"Input/output error : '{path}'", InputOutputError);
        }
    }

    private static DiskFault? Parse(string? text)
    {
        string[] parts = (text ?? "").Split(':');
        DiskFaultKind kind = parts[0] switch
        {
            "kill" => DiskFaultKind.Kill,
            "enospc" => DiskFaultKind.NoSpace,
            "eio" => DiskFaultKind.InputOutput,
            _ => DiskFaultKind.None,
        };
        if (parts.Length != 2 || kind == DiskFaultKind.None) return null;
        return long.TryParse(parts[1].TrimEnd('+'), NumberStyles.None, CultureInfo.InvariantCulture, out long at)
            ? new DiskFault(kind, at, parts[1].EndsWith('+'), endsProcess: true)
            : null;
    }
}

/// <summary>Stands for the end of the process where a test may not really end it; nothing but the test catches it.</summary>
internal sealed class KilledException() : Exception("The process was killed here.");
