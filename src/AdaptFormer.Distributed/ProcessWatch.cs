using System.Diagnostics;
using System.Runtime.InteropServices;

namespace AdaptFormer.Distributed;

/// <summary>
/// Ends this process when the launcher that started it is gone, or when the library keeps a call for longer than its deadline: nothing
/// else would, and a rank that is left over holds cores, memory and files.
/// </summary>
internal sealed partial class ProcessWatch : IDisposable
{
    /// <summary>Exit code of a process whose exchange failed: EX_SOFTWARE.</summary>
    public const int FailedExchange = 70;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(0.5), Grace = TimeSpan.FromSeconds(5);
    private readonly Lock _gate = new();
    private readonly Timer _timer;
    private readonly Expected _expected;
    private readonly int _rank, _parent = Parent();
    private long _end = long.MaxValue;
    private int _code = FailedExchange;
    private string _why = "";

    public ProcessWatch(int rank)
    {
        _rank = rank;
        _expected = new Expected(this);
        _timer = new Timer(_ => Look(), null, Interval, Interval);
    }

    /// <summary>Says that a call is to return within a time; disposing says that it has.</summary>
    public IDisposable Expect(TimeSpan within, string place)
    {
        Set(within + Grace, FailedExchange, $"the MPI library has not returned for {within.TotalSeconds:0} s at {place}");
        return _expected;
    }

    /// <summary>Ends the process after a time, without a word.</summary>
    public void EndWithin(TimeSpan time, int code) => Set(time, code, "");

    public void Dispose() => _timer.Dispose();

    /// <summary>Ends the process at once; nothing of it runs any more.</summary>
    public static void Exit(int code)
    {
        if (OperatingSystem.IsWindows()) Environment.Exit(code);
        else ExitNow(code);
    }

    private void Set(TimeSpan time, int code, string why)
    {
        lock (_gate) (_end, _code, _why) = (Stopwatch.GetTimestamp() + (long)(time.TotalSeconds * Stopwatch.Frequency), code, why);
    }

    private void Look()
    {
        if (Parent() != _parent) End(FailedExchange, "the launcher that started this process is gone");
        lock (_gate) if (Stopwatch.GetTimestamp() > _end) End(_code, _why);
    }

    private void End(int code, string why)
    {
        if (why.Length > 0) Console.Error.WriteLine($"adaptformer: rank {_rank} ({Environment.MachineName}): {why}.");
        Exit(code);
    }

    private static int Parent() => OperatingSystem.IsWindows() ? 0 : ParentId();

    [LibraryImport("libc", EntryPoint = "getppid")]
    private static partial int ParentId();

    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void ExitNow(int code);

    private sealed class Expected(ProcessWatch watch) : IDisposable
    {
        public void Dispose()
        {
            lock (watch._gate) watch._end = long.MaxValue;
        }
    }
}
