using System.Diagnostics;
using AdaptFormer.Inference;
using AdaptFormer.Tensors;

namespace AdaptFormer.Benchmarks.Bank;

/// <summary>1, 16 and 256 askers who send a picture's bytes and wait for the answer: what a server that did nothing else could give.</summary>
internal static class Askers
{
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(8);

    public static void Run(BankTasks files, int tasks)
    {
        string[] paths = files.Write();
        using TaskBank bank = new(files.Model, new TaskBankOptions(QueueLength: 1024, TaskBytes: 64L << 30));
        byte[] picture = files.PictureFile();
        for (int i = 0; i < tasks; i++) bank.Load(paths[i % paths.Length], $"task{i}");
        for (int i = 0; i < tasks; i++) bank.Ask(picture, $"task{i}");
        foreach (int asked in ((int[])[1, tasks]).Distinct())
        {
            foreach (int askers in (int[])[1, 16, 256])
            {
                List<double> times = [];
                long began = Stopwatch.GetTimestamp();
                Task.WhenAll(Enumerable.Range(0, askers).Select(asker => Task.Run(async () =>
                {
                    Rng draw = new(asker);
                    while (Stopwatch.GetElapsedTime(began) < Window)
                    {
                        long since = Stopwatch.GetTimestamp();
                        await bank.AskAsync(picture, $"task{draw.NextInt(asked)}").ConfigureAwait(false);
                        lock (times) times.Add(Stopwatch.GetElapsedTime(since).TotalMilliseconds);
                    }
                }))).GetAwaiter().GetResult();
                Console.WriteLine(FormattableString.Invariant(
                    $"{asked,5} tasks, {askers,3} askers: {times.Count / Stopwatch.GetElapsedTime(began).TotalSeconds,6:0.0} answers/s, p50 {Turns.Median(times),7:0.0} ms, p99 {Turns.Quantile(times, 0.99),7:0.0} ms"));
            }
        }
    }
}
