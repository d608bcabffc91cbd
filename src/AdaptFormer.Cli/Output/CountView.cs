namespace AdaptFormer.Cli.Output;

/// <summary>
/// Shows how far a long job has come: a bar on a terminal, a plain line now and then when redirected, nothing when stdout is JSON.
/// </summary>
internal static class CountView
{
    /// <summary>Shows what <paramref name="work"/> tells of its progress.</summary>
    /// <param name="screen">Where to.</param>
    /// <param name="json">Whether stdout holds JSON.</param>
    /// <param name="title">What is being done.</param>
    /// <param name="work">The job; it may tell how many of how many are done, from any thread.</param>
    /// <param name="clock">The time; the system's if null.</param>
    /// <returns>What <paramref name="work"/> returns.</returns>
    public static T Show<T>(Screen screen, bool json, string title, Func<Action<int, int>, T> work, TimeProvider? clock = null)
    {
        clock ??= TimeProvider.System;
        if (screen.ShowsBars(json)) return Bars.Show(screen, bars => work(Moving(bars, title, clock)));
        return work(json ? (_, _) => { } : Plain(screen, title, clock));
    }

    private static Action<int, int> Moving(Bars bars, string title, TimeProvider clock)
    {
        Lazy<Bars.Bar> bar = new(bars.Add);
        long start = clock.GetTimestamp();
        int most = 0;
        return (done, total) =>
        {
            if (done < Volatile.Read(ref most)) return;     // threads may tell of their work out of order
            Volatile.Write(ref most, done);
            double left = done > 0 ? clock.GetElapsedTime(start).TotalSeconds * (total - done) / done : double.NaN;
            string count = $"{Format.Count(done)} of {Format.Count(total)}";
            bar.Value.Move(title, done, total, double.IsNaN(left) ? [count] : [$"{Format.Duration(left)} left", count]);
        };
    }

    private static Action<int, int> Plain(Screen screen, string title, TimeProvider clock)
    {
        Lock guard = new();
        long last = clock.GetTimestamp();
        return (done, total) =>
        {
            if (clock.GetElapsedTime(Interlocked.Read(ref last)) < RunView.PlainInterval) return;
            lock (guard)
            {
                if (clock.GetElapsedTime(last) < RunView.PlainInterval) return;
                Interlocked.Exchange(ref last, clock.GetTimestamp());
                screen.Note($"{title}: {Format.Count(done)} of {Format.Count(total)}");
            }
        };
    }
}
