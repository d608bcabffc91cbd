using System.Diagnostics;
using AdaptFormer.Inference;

namespace AdaptFormer.Benchmarks.Bank;

/// <summary>How long it takes to read a task, new and in place of an old version, and what 100 such readings do to the questions beside them.</summary>
internal static class HotLoading
{
    private const int Loads = 200, Beside = 100, Askers = 2;
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(20);

    public static void Run(BankTasks files, int rounds)
    {
        string[] paths = files.Write();
        using TaskBank bank = files.Bank();
        for (int i = 0; i < BankTasks.Files; i++) bank.Load(paths[i], $"task{i}");
        VisualInput picture = VisualInput.Tensor(files.Picture(0));
        for (int i = 0; i < BankTasks.Files; i++) bank.Ask(picture, $"task{i}");

        Time("a new task", i => bank.Load(paths[i % paths.Length], $"new{i}"));
        for (int i = 0; i < Loads; i++) bank.Remove($"new{i}");
        Time("a new version, tested first", i => bank.Load(paths[i % paths.Length], $"task{i % 32}"));

        List<double> alone = [], beside = [];
        for (int round = 0; round < rounds; round++)
        {
            alone.Add(Latency(bank, files, null));
            beside.Add(Latency(bank, files, i => bank.Load(paths[i % paths.Length], $"beside{i}")));
            for (int i = 0; i < Beside; i++) bank.Remove($"beside{i}");
        }

        Console.WriteLine(FormattableString.Invariant(
            $"p99 of {Askers} askers: {Turns.Median(alone):0.0} ms, with {Beside} loads beside them within {Window.TotalSeconds:0} s {Turns.Median(beside):0.0} ms: {Turns.Median(beside.Zip(alone, (with, without) => with / without)):0.00} times (medians of {rounds} rounds)"));
    }

    private static void Time(string what, Action<int> load)
    {
        List<double> times = [];
        for (int i = 0; i < Loads; i++)
        {
            long began = Stopwatch.GetTimestamp();
            load(i);
            times.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
        }

        Console.WriteLine(FormattableString.Invariant(
            $"{Loads} loads of {what}: p50 {Turns.Median(times):0.0} ms, p99 {Turns.Quantile(times, 0.99):0.0} ms, most {times.Max():0.0} ms"));
    }

    /// <summary>The 99th percentile of questions in milliseconds, with loads spread over the window or without any.</summary>
    private static double Latency(TaskBank bank, BankTasks files, Action<int>? load)
    {
        List<double> times = [];
        long began = Stopwatch.GetTimestamp();
        Thread[] askers = [.. Enumerable.Range(0, Askers).Select(asker => new Thread(() =>
        {
            VisualInput picture = VisualInput.Tensor(files.Picture(asker));
            for (int i = 0; Stopwatch.GetElapsedTime(began) < Window; i++)
            {
                long asked = Stopwatch.GetTimestamp();
                bank.Ask(picture, $"task{i % BankTasks.Files}");
                lock (times) times.Add(Stopwatch.GetElapsedTime(asked).TotalMilliseconds);
            }
        }))];
        foreach (Thread asker in askers) asker.Start();
        for (int i = 0; i < Beside && load is not null; i++)
        {
            TimeSpan due = (i + 0.5) * Window / Beside, wait = due - Stopwatch.GetElapsedTime(began);
            if (wait > TimeSpan.Zero) Thread.Sleep(wait);
            load(i);
        }

        foreach (Thread asker in askers) asker.Join();
        return Turns.Quantile(times, 0.99);
    }
}
