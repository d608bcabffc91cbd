using System.Diagnostics;
using System.Globalization;

namespace AdaptFormer.Peers;

/// <summary>What one process found out.</summary>
/// <param name="ImagesPerS">By the median step.</param>
/// <param name="Steps">Timed steps.</param>
/// <param name="PeakBytes">The kernel's high-water mark of the process's resident memory.</param>
internal sealed record Measured(double ImagesPerS, int Steps, long PeakBytes)
{
    /// <summary>Times <paramref name="step"/>: twice to warm up (once where a step takes long), then until the seconds are spent, at least
    /// three times.</summary>
    public static Measured Of(Action step, int batch, double duration)
    {
        const int Least = 3;
        long begin = Stopwatch.GetTimestamp();
        step();
        if (Stopwatch.GetElapsedTime(begin).TotalSeconds < duration / 2) step();
        List<double> seconds = [];
        begin = Stopwatch.GetTimestamp();
        while (seconds.Count < Least || Stopwatch.GetElapsedTime(begin).TotalSeconds < duration)
        {
            long start = Stopwatch.GetTimestamp();
            step();
            seconds.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        seconds.Sort();
        return new Measured(batch / seconds[seconds.Count / 2], seconds.Count, HighWater());
    }

    /// <summary>The line that <see cref="Comparison"/> reads.</summary>
    public void Print() => Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
        $$"""{"images_per_s":{{ImagesPerS:0.####}},"steps":{{Steps}},"peak_rss_bytes":{{PeakBytes}}}"""));

    private static long HighWater()
    {
        string line = File.ReadLines("/proc/self/status").First(text => text.StartsWith("VmHWM:", StringComparison.Ordinal));
        return 1024 * long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture);
    }
}
