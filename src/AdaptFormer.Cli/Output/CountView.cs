using Spectre.Console;

namespace AdaptFormer.Cli.Output;

/// <summary>Shows how far a long job has come: a bar on a terminal, a plain line now and then when redirected, nothing when stdout is JSON.</summary>
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
        if (json) return work((_, _) => { });
        if (!screen.Live) return work(Plain(screen, title, clock ?? TimeProvider.System));
        return screen.Out.Progress()
            .AutoClear(true)
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn { Width = 24 }, new PercentageColumn(), new RemainingTimeColumn())
            .Start(context =>
            {
                ProgressTask bar = Bars.Add(context, title);
                return work((done, total) =>
                {
                    bar.MaxValue = Math.Max(1, total);
                    if (done > bar.Value) bar.Value = done;
                });
            });
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
                screen.Line($"{title}: {Format.Count(done)} of {Format.Count(total)}");
            }
        };
    }
}
