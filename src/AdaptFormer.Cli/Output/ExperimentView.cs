using System.Globalization;
using AdaptFormer.Training.Experiments;
using AdaptFormer.Training.Runs;
using Spectre.Console;

namespace AdaptFormer.Cli.Output;

/// <summary>Shows an experiment while it goes: a bar for each running training on a terminal, plain lines when redirected, JSON lines for scripts.</summary>
internal static class ExperimentView
{
    /// <summary>Shows what <paramref name="work"/> reports, in the form that suits.</summary>
    public static T Show<T>(Screen screen, bool json, Func<Action<ExperimentRecord>, T> work)
    {
        if (json) return work(record => ShowJson(screen, record));
        if (!screen.Live) return work(new Plain(screen).Show);
        return screen.Out.Progress().AutoClear(true).HideCompleted(true)
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn { Width = 24 }, new PercentageColumn())
            .Start(context => work(new Moving(screen, context).Show));
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
                screen.Line(stage.Message);
                break;
            case TrialRecord trial:
                screen.Line(ExperimentText.Line(trial));
                break;
            case ExperimentResult result:
                screen.Line("");
                screen.Out.Write(ExperimentText.Table(screen, result));
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
                screen.Line(ExperimentText.Line(progress));
            }
        }
    }

    private sealed class Moving(Screen screen, ProgressContext context)
    {
        private readonly Dictionary<string, ProgressTask> _bars = [];

        public void Show(ExperimentRecord record)
        {
            if (record is TrialProgress { Report: ProgressRecord step } progress)
            {
                string line = ExperimentText.Line(progress);
                if (!_bars.TryGetValue(progress.Trial, out ProgressTask? bar)) _bars[progress.Trial] = bar = Bars.Add(context, line);
                Bars.Move(bar, line, ((long)step.Epoch - 1) * step.Steps + step.Step, (long)step.Epochs * step.Steps);
            }
            else if (record is not TrialProgress)
            {
                if (record is TrialRecord done && _bars.Remove(Path.GetFileName(done.Folder), out ProgressTask? ended)) ended.StopTask();
                ShowKept(screen, record);
            }
        }
    }
}
