using AdaptFormer.Runs;
using AdaptFormer.Runs.Experiments;

namespace AdaptFormer.Cli.Output;

/// <summary>
/// Shows an experiment while it goes: a bar for each running training on a terminal, plain lines when redirected, both on stderr;
/// the table on stdout, or JSON lines for scripts.
/// </summary>
internal static class ExperimentView
{
    /// <summary>Shows what <paramref name="work"/> reports, in the form that suits.</summary>
    public static T Show<T>(Screen screen, bool json, Func<Action<ExperimentRecord>, T> work)
    {
        if (screen.ShowsBars(json)) return Bars.Show(screen, bars => work(new Moving(screen, json, bars).Show));
        return work(json ? record => ShowJson(screen, record) : new Plain(screen).Show);
    }

    private static void ShowJson(Screen screen, ExperimentRecord record)
    {
        if (record is StageRecord { Warning: true } warning) screen.Warn(warning.Message);
        if (record is TrialProgress { Report: WarningRecord said }) screen.Warn(said.Message);
        if (record is TrialRecord or ExperimentResult) screen.Json(record.ToJsonLine());
    }

    private static void ShowKept(Screen screen, ExperimentRecord record)
    {
        switch (record)
        {
            case StageRecord { Warning: true } warning:
                screen.Warn(warning.Message);
                break;
            case StageRecord stage:
                screen.Note(stage.Message);
                break;
            case TrialRecord trial:
                screen.Note(ExperimentText.Line(trial));
                break;
            case ExperimentResult result:
                screen.Note("");
                screen.Write(ExperimentText.Table(result));
                foreach (string line in ExperimentText.Lines(result)) screen.Line(line);
                break;
        }
    }

    private sealed class Plain(Screen screen)
    {
        private long _last = TimeProvider.System.GetTimestamp();

        public void Show(ExperimentRecord record)
        {
            if (record is not TrialProgress progress)
            {
                ShowKept(screen, record);
            }
            else if (progress.Report is ProgressRecord && TimeProvider.System.GetElapsedTime(_last) >= RunView.PlainInterval)
            {
                _last = TimeProvider.System.GetTimestamp();
                screen.Note(ExperimentText.Line(progress));
            }
        }
    }

    private sealed class Moving(Screen screen, bool json, Bars bars)
    {
        private readonly Dictionary<string, Bars.Bar> _bars = [];

        public void Show(ExperimentRecord record)
        {
            if (record is TrialProgress { Report: ProgressRecord step } progress)
            {
                if (!_bars.TryGetValue(progress.Trial, out Bars.Bar? bar)) _bars[progress.Trial] = bar = bars.Add();
                (long done, long of) = (((long)step.Epoch - 1) * step.Steps + step.Step, (long)step.Epochs * step.Steps);
                bar.Move($"{progress.Row}, {RunText.Title(step)}", done, of, ExperimentText.Facts(progress));
                return;
            }

            if (record is TrialRecord trial && _bars.Remove(Path.GetFileName(trial.Folder), out Bars.Bar? ended)) ended.Remove();
            if (json) ShowJson(screen, record);
            else if (record is not TrialProgress) ShowKept(screen, record);
        }
    }
}
