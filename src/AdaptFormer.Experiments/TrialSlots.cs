namespace AdaptFormer.Experiments;

/// <summary>Decides how many trials run side by side.</summary>
/// <remarks>One training uses several cores well, so a second one beside it gains only what the first leaves idle; from about eight cores
/// on that is more than what it costs.
/// Memory is measured: the first trial runs alone, and the largest peak so far, with a fifth to spare, must fit as often as trials are to
/// run.</remarks>
/// <param name="cores">Cores of this machine.</param>
/// <param name="maxJobs">The most that the host can do.</param>
/// <param name="jobs">How many the user wants, whatever is measured; null lets the program choose.</param>
/// <param name="availableBytes">Memory that is free now.</param>
public sealed class TrialSlots(int cores, int maxJobs, int? jobs, Func<long> availableBytes)
{
    /// <summary>Cores that one training uses well.</summary>
    public const int CoresPerTrial = 4;

    private const double Spare = 1.2;

    /// <summary>The most that run side by side.</summary>
    public int Most { get; } = Math.Max(1, Math.Min(maxJobs, jobs ?? cores / CoresPerTrial));

    /// <summary>Threads for each, so that all together have a core each.</summary>
    public int Threads => Math.Max(1, cores / Most);

    /// <summary>For this machine as it is.</summary>
    public static TrialSlots Here(TrialHost host, int? jobs = null) => new(Environment.ProcessorCount, host.MaxJobs, jobs, FreeMemory);

    /// <summary>How many may run at this moment.</summary>
    /// <param name="running">How many do.</param>
    /// <param name="peakBytes">The largest peak of a finished trial; 0 if none is finished.</param>
    public int Allowed(int running, long peakBytes)
    {
        if (jobs is not null) return Most;
        if (peakBytes <= 0) return 1;
        long more = (long)(availableBytes() / (peakBytes * Spare));
        return (int)Math.Clamp(running + more, 1, Most);
    }

    private static long FreeMemory()
    {
        const string Path = "/proc/meminfo", Key = "MemAvailable:";
        if (OperatingSystem.IsLinux() && File.Exists(Path))
        {
            foreach (string line in File.ReadLines(Path))
                if (line.StartsWith(Key, StringComparison.Ordinal) && long.TryParse(
                    line[Key.Length..].Replace("kB", "", StringComparison.Ordinal).Trim(), out long kilobytes)) return kilobytes * 1024;
        }

        GCMemoryInfo info = GC.GetGCMemoryInfo();
        return Math.Max(0, info.TotalAvailableMemoryBytes - info.MemoryLoadBytes);
    }
}
