using System.CommandLine;
using AdaptFormer.Cli.Output;
using AdaptFormer.Reports;
using AdaptFormer.Runs;

namespace AdaptFormer.Cli.Commands;

/// <summary><c>adaptformer report</c>: makes the page of a finished run, comparison or sweep anew.</summary>
internal static class ReportCommand
{
    public static Command Create(Screen screen)
    {
        Argument<string> folder = new("folder") { Description = "The folder of adaptformer train, compare or sweep." };
        FileCommand command = new("report", "Make the report.html of a run, or of a finished comparison or sweep, anew.") { folder };
        command.SetAction((parsed, cancellation) => Task.Run(
            () =>
            {
                string of = parsed.GetValue(folder)!;
                string path = ExperimentReport.Find(of) is not null
                    ? ExperimentReport.Remake(of) : RunView.Show(screen, json: false, report => RunReport.Remake(
                    of, (done, of) => report(new ProgressRecord("test", 1, 1, done, of, null, 0, 0, null)), cancellation));
                screen.Line(path);
                return 0;
            },
            CancellationToken.None));
        return command;
    }
}
