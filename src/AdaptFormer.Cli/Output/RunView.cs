using AdaptFormer.Runs;

namespace AdaptFormer.Cli.Output;

/// <summary>
/// Shows a run while it goes: a bar that moves on a terminal, a plain line now and then when redirected, both on stderr; its
/// outcome on stdout, as tables or as JSON lines for scripts. The run only sees a delegate to report to.
/// </summary>
internal static class RunView
{
    /// <summary>Least time between two plain progress lines.</summary>
    public static readonly TimeSpan PlainInterval = TimeSpan.FromSeconds(10);

    /// <summary>Shows what <paramref name="work"/> reports, in the form that suits.</summary>
    /// <param name="screen">Where to.</param>
    /// <param name="json">As JSON: one line for each epoch and one for each outcome, nothing else.</param>
    /// <param name="work">The run; called once, on this thread.</param>
    /// <param name="clock">The time; the system's if null.</param>
    /// <returns>What <paramref name="work"/> returns.</returns>
    public static T Show<T>(Screen screen, bool json, Func<Action<RunRecord>, T> work, TimeProvider? clock = null)
    {
        if (screen.ShowsBars(json)) return Bars.Show(screen, bars => work(new Moving(screen, json, bars).Show));
        return work(json ? record => ShowJson(screen, record) : new Plain(screen, clock ?? TimeProvider.System).Show);
    }

    private static void ShowJson(Screen screen, RunRecord record)
    {
        if (record is WarningRecord warning) screen.Warn(warning.Message);
        if (record is EpochRecord or TrainingSummary or SeedsSummary or PretrainSummary) screen.Json(record.ToJsonLine());
    }

    private sealed class Plain(Screen screen, TimeProvider clock)
    {
        private long _last = clock.GetTimestamp();
        private int _epochs;
        private string _rate = RunText.ImageRate;

        public void Show(RunRecord record)
        {
            _rate = RunText.Rate(record, _rate);
            if (record is ProgressRecord progress)
            {
                _epochs = Math.Max(_epochs, progress.Epochs);
                if (clock.GetElapsedTime(_last) < PlainInterval) return;
                _last = clock.GetTimestamp();
                screen.Note(RunText.Line(progress, _rate));
            }
            else
            {
                ShowKept(screen, record, _epochs, _rate);
            }
        }
    }

    private sealed class Moving(Screen screen, bool json, Bars bars)
    {
        private Bars.Bar? _bar;
        private int _epochs;
        private string _rate = RunText.ImageRate;

        public void Show(RunRecord record)
        {
            _rate = RunText.Rate(record, _rate);
            if (record is ProgressRecord progress)
            {
                _epochs = Math.Max(_epochs, progress.Epochs);
                (_bar ??= bars.Add()).Move(RunText.Title(progress), progress.Step, progress.Steps, RunText.Facts(progress, _rate));
            }
            else if (json)
            {
                ShowJson(screen, record);
            }
            else
            {
                ShowKept(screen, record, _epochs, _rate);
            }
        }
    }

    // What stays on the screen when the run is over. Its end is a result; how it came there is a note.
    private static void ShowKept(Screen screen, RunRecord record, int epochs, string rate)
    {
        switch (record)
        {
            case StartRecord start:
                foreach (string line in RunText.Lines(start)) screen.Note(line);
                break;
            case WarningRecord warning:
                screen.Warn(warning.Message);
                break;
            case CacheRecord cache:
                screen.Note(RunText.Line(cache));
                break;
            case EpochRecord epoch:
                screen.Note(RunText.Line(epoch, epochs, rate));
                break;
            case TrainingSummary summary:
                screen.Write(RunText.Table(summary, rate));
                break;
            case PretrainStartRecord start:
                foreach (string line in RunText.Lines(start)) screen.Note(line);
                break;
            case PretrainSummary pretrained:
                screen.Line($"{pretrained.Weights} ({Format.Bytes(pretrained.WeightsBytes)}) holds the encoder and its decoder; name it "
                    + $"as model.weights. Time: {Format.Duration(pretrained.Seconds)}.");
                break;
            case SeedsSummary seeds:
                screen.Write(RunText.Table(seeds));
                break;
        }
    }
}
