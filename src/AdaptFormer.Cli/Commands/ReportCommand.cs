using System.CommandLine;
using AdaptFormer.Cli.Output;
using AdaptFormer.Training.Reporting;
using AdaptFormer.Training.Runs;

namespace AdaptFormer.Cli.Commands;

/// <summary><c>adaptformer report</c>: makes the page of a finished run anew.</summary>
internal static class ReportCommand
{
    public static Command Create(Screen screen)
    {
        Argument<string> run = new("run") { Description = "The run directory of adaptformer train." };
        Command command = new("report", "Make the report.html of a finished run anew.") { run };
        command.SetAction((parsed, cancellation) => Task.Run(
            () =>
            {
                string path = RunView.Show(screen, json: false, report => RunReport.Remake(
                    parsed.GetValue(run)!, (done, of) => report(new ProgressRecord("test", 1, 1, done, of, null, 0, 0, null)), cancellation));
                screen.Line(path);
                return 0;
            },
            CancellationToken.None));
        return command;
    }
}
