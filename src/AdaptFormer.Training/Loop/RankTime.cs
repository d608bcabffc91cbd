namespace AdaptFormer.Training.Loop;

/// <summary>What a process did with the time of an epoch's training.</summary>
/// <param name="Rank">Its number.</param>
/// <param name="Host">Its machine.</param>
/// <param name="Loading">Seconds that it waited for its own data.</param>
/// <param name="Computing">Seconds between those and the exchanges.</param>
/// <param name="Waiting">Seconds in exchanges, waiting for slower processes included.</param>
public sealed record RankTime(int Rank, string Host, double Loading, double Computing, double Waiting)
{
    /// <summary>Seconds of its own work.</summary>
    internal double Own => Loading + Computing;
}

/// <summary>The process that the others wait for.</summary>
/// <param name="Rank">Its number.</param>
/// <param name="Host">Its machine.</param>
/// <param name="Excess">How much longer it works than the mean of all, as a share of that.</param>
public sealed record SlowestRank(int Rank, string Host, double Excess)
{
    /// <summary>The slowest of several; null of one.</summary>
    public static SlowestRank? Of(IReadOnlyList<RankTime> times)
    {
        if (times.Count < 2) return null;
        RankTime slowest = times.MaxBy(time => time.Own)!;
        double mean = times.Average(time => time.Own);
        return new SlowestRank(slowest.Rank, slowest.Host, mean > 0 ? (slowest.Own / mean) - 1 : 0);
    }
}
