using System.Diagnostics;

namespace AdaptFormer.Experiments;

/// <summary>
/// Starts trials by another program, which may put them on other machines or make several processes of each:
/// <c>srun -N 1 -n 4 --mpi=pmix</c>, <c>mpirun -n 2 --host {host}:2</c>, <c>ssh {host}</c>. The folder of the
/// experiment must be the same on all machines.
/// </summary>
public sealed class TrialLauncher
{
    private const string Host = "{host}";
    private readonly IReadOnlyList<string> _words;
    private readonly Queue<string> _free;

    /// <summary>A launcher.</summary>
    /// <param name="words">Its program and arguments, ahead of the trial's own call; <c>{host}</c> stands for a machine.</param>
    /// <param name="hosts">The machines, each of which has one trial at a time; a name that stands twice has two. Empty where the launcher
    /// finds machines itself.</param>
    /// <exception cref="ArgumentException">There is no program, machines have no place, or a place has no machines.</exception>
    public TrialLauncher(IReadOnlyList<string> words, IReadOnlyList<string> hosts)
    {
        if (words.Count == 0) throw new ArgumentException("The launcher is empty; expected a program, such as 'srun -n 1'.");
        bool places = words.Any(word => word.Contains(Host, StringComparison.Ordinal));
        if (places != hosts.Count > 0)
        {
            throw new ArgumentException(places
                ? $"The launcher has {Host}, and no hosts are given."
                : $"Hosts are given, and the launcher has no {Host} to put one in its place.");
        }

        (_words, Hosts, _free) = (words, hosts, new Queue<string>(hosts));
    }

    /// <summary>The machines; empty where the launcher finds them.</summary>
    public IReadOnlyList<string> Hosts { get; }

    /// <summary>Takes a machine, waiting until one is free, and says how a trial starts there.</summary>
    /// <param name="trial">The trial's own call.</param>
    /// <param name="cancellation">Ends waiting.</param>
    /// <param name="host">The machine, to be given back; null where the launcher finds one.</param>
    internal ProcessStartInfo Start(ProcessStartInfo trial, CancellationToken cancellation, out string? host)
    {
        string? taken = host = Hosts.Count == 0 ? null : Take(cancellation);
        string[] words = [.. _words.Select(word => word.Replace(Host, taken, StringComparison.Ordinal))];
        return new ProcessStartInfo(words[0], [.. words[1..], trial.FileName, .. trial.ArgumentList]);
    }

    /// <summary>Gives a machine back.</summary>
    internal void Return(string? host)
    {
        if (host is null) return;
        lock (_free)
        {
            _free.Enqueue(host);
            Monitor.PulseAll(_free);
        }
    }

    private string Take(CancellationToken cancellation)
    {
        // Outside of the lock: giving the registration back waits for a call of it that is in progress.
        using CancellationTokenRegistration _ = cancellation.Register(() =>
        {
            lock (_free) Monitor.PulseAll(_free);
        });
        lock (_free)
        {
            while (_free.Count == 0)
            {
                cancellation.ThrowIfCancellationRequested();
                Monitor.Wait(_free);
            }

            return _free.Dequeue();
        }
    }
}
