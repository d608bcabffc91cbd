using System.Diagnostics;

namespace AdaptFormer.Benchmarks.Bank;

/// <summary>Several ways to do the same work, measured in turns, so that what the machine does beside them strikes all alike.</summary>
internal static class Turns
{
    /// <summary>Runs each way once to warm up, then in rounds.</summary>
    /// <returns>What each way took in each round.</returns>
    public static Took[][] Measure(int rounds, params Action[] ways)
    {
        foreach (Action way in ways) way();
        Took[][] took = [.. ways.Select(_ => new Took[rounds])];
        for (int round = 0; round < rounds; round++)
        {
            for (int k = 0; k < ways.Length; k++)
            {
                int way = (k + round) % ways.Length;       // none is always the one behind another
                (long began, TimeSpan used) = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime);
                ways[way]();
                took[way][round] = new Took(
                    Stopwatch.GetElapsedTime(began).TotalSeconds, (Environment.CpuUsage.TotalTime - used).TotalSeconds);
            }
        }

        return took;
    }

    /// <summary>The value below which a share of all lies.</summary>
    public static double Quantile(IEnumerable<double> values, double share)
    {
        double[] sorted = [.. values.Order()];
        return sorted[(int)Math.Min(sorted.Length - 1, Math.Floor(share * sorted.Length))];
    }

    public static double Median(IEnumerable<double> values) => Quantile(values, 0.5);

    /// <summary>How many times as fast one way is as another, round by round: the median, the least and the most.</summary>
    public static (double Median, double Least, double Most) Speed(Took[] way, Took[] other, Func<Took, double> time)
    {
        double[] ratios = [.. way.Zip(other, (mine, its) => time(its) / time(mine))];
        return (Median(ratios), ratios.Min(), ratios.Max());
    }
}

/// <summary>What one run took.</summary>
/// <param name="Seconds">By the clock.</param>
/// <param name="Cpu">Of processor time, all cores together: other programs on the machine change it little.</param>
internal readonly record struct Took(double Seconds, double Cpu);
