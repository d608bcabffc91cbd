using System.Diagnostics;
using System.Globalization;
using AdaptFormer.Distributed;

namespace AdaptFormer.Benchmarks;

/// <summary>
/// Seconds of one step's exchange between processes, as training does it, for vectors from a number for each process to all weights of ViT-B; and the α and β that the
/// alpha-beta model (tools/cluster/scaling.py) needs of this network, from the shortest and the longest.
/// </summary>
internal static class RankExchange
{
    private const int Adapters = 1_260_000, All = 86_000_000;

    public static int Run()
    {
        if (Launch.Current("benchmarks ranks") is not { } launch)
        {
            Console.Error.WriteLine("Start it by mpirun, for example: mpirun -n 2 dotnet AdaptFormer.Benchmarks.dll ranks");
            return 2;
        }

        using MpiCollective ranks = MpiCollective.Open(launch);
        int[] lengths = [ranks.Size, 1_000, 100_000, Adapters, 10_000_000, All];
        double[] ordered = [.. lengths.Select(length => Median(ranks, () => Ordered(ranks, length)))], fast = [.. lengths.Select(length => Median(ranks, () => Fast(ranks, length)))];
        if (!ranks.IsFirst) return 0;

        // Of T = 2·((P − 1)·α + bytes·(P − 1)/P/β): a round of parts to each other rank, and the sum gathered.
        double share = (ranks.Size - 1.0) / ranks.Size, alpha = ordered[0] / (2 * (ranks.Size - 1));
        double beta = 2 * 4.0 * lengths[^1] * share / (ordered[^1] - ordered[0]);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{ranks.Library}, {ranks.Size} processes: alpha {alpha * 1e6:0.0} us, beta {beta / 1e9:0.00} GB/s"));
        Console.WriteLine("| numbers | ordered | by alpha and beta | fast |\n|---:|---:|---:|---:|");
        foreach ((int length, double seconds, double sum) in lengths.Zip(ordered, fast))
        {
            double model = 2 * (((ranks.Size - 1) * alpha) + (4.0 * length * share / beta));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {length:N0} | {1000 * seconds:0.000} ms | {1000 * model:0.000} ms | {1000 * sum:0.000} ms |"));
        }

        return 0;
    }

    private static Action Ordered(Collective ranks, int length)
    {
        OrderedSum sum = new(ranks, length);
        float[] own = new float[length], all = new float[length];
        return () =>
        {
            sum.Begin();
            sum.Add(own, ranks.Size);
            sum.End(all);
        };
    }

    private static Action Fast(Collective ranks, int length)
    {
        float[] own = GC.AllocateArray<float>(length, pinned: true);
        return () => ranks.Sum(own);
    }

    // Of many rounds; every rank begins each of them together, and waits for nobody but the exchange itself.
    private static double Median(Collective ranks, Func<Action> make)
    {
        Action round = make();
        List<double> times = [];
        Stopwatch all = Stopwatch.StartNew();
        for (byte goOn = 1; goOn != 0;)
        {
            ranks.Broadcast([1]);
            long began = Stopwatch.GetTimestamp();
            round();
            times.Add(Stopwatch.GetElapsedTime(began).TotalSeconds);
            goOn = ranks.Broadcast([times.Count < 5 || (times.Count < 2000 && all.Elapsed < TimeSpan.FromSeconds(2)) ? (byte)1 : (byte)0])[0];
        }

        times.RemoveAt(0);      // it made the buffers
        times.Sort();
        return times[times.Count / 2];
    }
}
