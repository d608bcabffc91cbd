using System.Runtime.InteropServices;
using AdaptFormer.Cli.Commands;
using AdaptFormer.Distributed;

namespace AdaptFormer.Cli;

/// <summary>
/// Ctrl-C, SIGTERM (a job's time is over) and SIGHUP (its terminal was closed) ask for the same: what runs ends at the next batch, says
/// what is saved and how to go on. Asked again by Ctrl-C or SIGTERM, or after half a minute, the process ends at once. A signal that the
/// process was started to ignore, as under <c>nohup</c>, stays ignored.
/// </summary>
internal sealed class StopSignals : IDisposable
{
    private const int UserSignal = 10;        // SIGUSR1 on Linux
    private const int SignalBase = 128;       // shells: 128 + the number of the signal
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private readonly CancellationTokenSource _stop = new();
    private readonly List<PosixSignalRegistration> _heard = [];
    private int _code;

    /// <summary>Begins to listen.</summary>
    public StopSignals()
    {
        PosixSignal[] all = [PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP];
        // The one that launchers pass on without ending their processes a second later.
        bool launched = Launch.OfMpi(Environment.GetEnvironmentVariable) is not null;
        if (launched && OperatingSystem.IsLinux()) all = [.. all, (PosixSignal)UserSignal];
        foreach (PosixSignal signal in all)
            if (!IsIgnored(signal)) _heard.Add(PosixSignalRegistration.Create(signal, Hear));
    }

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Token => _stop.Token;

    /// <summary>The exit code of a process that would end with <paramref name="code"/>: that of the signal if one stopped it.</summary>
    public int CodeOf(int code) => code == Failure.Stopped && _code != 0 ? _code : code;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (PosixSignalRegistration heard in _heard) heard.Dispose();
        _stop.Dispose();
    }

    private void Hear(PosixSignalContext context)
    {
        context.Cancel = true;
        int code = SignalBase + NumberOf(context.Signal), first = Interlocked.CompareExchange(ref _code, code, 0);
        if (first == 0)
        {
            new Thread(() =>
            {
                Thread.Sleep(Patience);
                Environment.Exit(code);
            })
            { IsBackground = true, Name = "patience" }.Start();
            try
            {
                _stop.Cancel();
            }
            catch (ObjectDisposedException)
            {
                // The work has just ended by itself.
            }
        }
        else if (context.Signal != PosixSignal.SIGHUP)      // of which a closed terminal may send two
        {
            Environment.Exit(first);
        }
    }

    private static int NumberOf(PosixSignal signal) => signal switch
    {
        PosixSignal.SIGHUP => 1,
        PosixSignal.SIGINT => 2,
        (PosixSignal)UserSignal => UserSignal,
        _ => 15,
    };

    private static bool IsIgnored(PosixSignal signal)
    {
        const string mask = "SigIgn:";
        if (!OperatingSystem.IsLinux()) return false;
        string? line = File.ReadLines("/proc/self/status").FirstOrDefault(line => line.StartsWith(mask, StringComparison.Ordinal));
        return line is not null && (Convert.ToUInt64(line[mask.Length..].Trim(), 16) >> (NumberOf(signal) - 1) & 1) != 0;
    }
}
