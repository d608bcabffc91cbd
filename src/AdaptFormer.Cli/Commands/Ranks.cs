using System.Text;
using AdaptFormer.Cli.Output;
using AdaptFormer.Distributed;
using AdaptFormer.Tensors.Backends.Cpu;
using AdaptFormer.Training;

namespace AdaptFormer.Cli.Commands;

/// <summary>
/// The processes that a launcher started together with this one. Rank 0 speaks for all; another rank is heard when it fails. Whoever fails
/// ends all, and whoever is stopped after saving ends with <see cref="Failure.TryAgain"/>.
/// </summary>
internal static class Ranks
{
    // What all ranks run into alike, rank 0 has said by then, and ended the others. Before they have met, one may start much later.
    private static readonly TimeSpan ForRankZero = TimeSpan.FromSeconds(3), ForItsStart = TimeSpan.FromSeconds(10);

    /// <summary>Commands that several processes carry out together.</summary>
    public static readonly string[] Shared = ["train", "pretrain", TrialCommand.Name];

    /// <summary>Carries out work that processes share.</summary>
    /// <param name="screen">Muted at all ranks but the first.</param>
    /// <param name="threads">Threads that compute in each process; its share of its cores if null.</param>
    /// <param name="work">The work; returns an exit code.</param>
    /// <returns>The exit code.</returns>
    public static int Run(Screen screen, int? threads, Func<Collective, int> work)
    {
        if (threads is < 1) throw new ArgumentException("--threads must be at least 1.");
        if (threads is { } count) CpuParallel.Threads = count;
        if (Launch.Current(ExperimentOptions.Command) is not { } launch) return work(Collective.Single);
        screen.Silent = launch.Rank > 0;
        screen.Speaker = $"rank {launch.Rank} ({Environment.MachineName})";
        MpiCollective ranks = MpiCollective.Open(launch);
        try
        {
            if (threads is null) CpuParallel.Threads = Threads(ranks);
            int code = work(ranks);
            ranks.Dispose();
            return code;
        }
        catch (TrainingStoppedException stopped)
        {
            if (ranks.IsFirst) Failure.Report(stopped, screen);
            ranks.Dispose();
            return Failure.TryAgain;
        }
        catch (Exception error)
        {
            if (!ranks.IsFirst && error is not ExchangeException) Thread.Sleep(ForRankZero);
            int code = Failure.Report(error, screen);
            ranks.Abort(error is OperationCanceledException ? Failure.TryAgain : code);
            throw;
        }
    }

    /// <summary>Leaves to rank 0 what every rank would say of the call itself. Open MPI ends all at the first that fails: whoever did not
    /// wait could end rank 0 before it spoke. MPICH ends nobody before they have met.</summary>
    public static void LeaveToFirst(Launch launch)
    {
        if (launch.Family == MpiFamily.OpenMpi) Thread.Sleep(ForItsStart);
    }

    // Open MPI binds each process to cores of its own, MPICH lets all of a machine run on all of its cores.
    private static int Threads(Collective ranks)
    {
        string own = $"{Environment.MachineName} {AllowedCores()}";
        int sharing = ranks.Gather(Encoding.UTF8.GetBytes(own)).Count(other => Encoding.UTF8.GetString(other) == own);
        return Math.Max(1, Environment.ProcessorCount / sharing);
    }

    private static string AllowedCores()
    {
        const string Status = "/proc/self/status", Key = "Cpus_allowed_list:";
        if (!File.Exists(Status)) return "";
        return File.ReadLines(Status).FirstOrDefault(line => line.StartsWith(Key, StringComparison.Ordinal)) ?? "";
    }
}
