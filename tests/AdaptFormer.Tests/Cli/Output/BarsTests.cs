using AdaptFormer.Cli.Output;
using AdaptFormer.Training.Experiments;
using AdaptFormer.Training.Runs;
using Spectre.Console;
using Xunit;

namespace AdaptFormer.Tests.Cli.Output;

/// <summary>What a terminal shows while a job goes; the other tests of views are about redirected text.</summary>
public sealed class BarsTests
{
    [Fact]
    public void A_run_shows_its_progress_on_a_terminal()
    {
        ProgressRecord step = new("train", 1, 10, 30, 100, 2.5, 55.5, 0.01, 120);
        Assert.Equal(7, RunView.Show(Terminal(), json: false, report => { report(step); report(step with { Phase = "test" }); return 7; }));
    }

    [Fact]
    public void An_experiment_shows_its_trainings_on_a_terminal()
    {
        TrialProgress first = new("a", "linear", 0, 2, new ProgressRecord("train", 1, 2, 3, 10, 2.5, 55.5, 0.01, 120), 60);
        Assert.Equal(7, ExperimentView.Show(Terminal(), json: false, report => { report(first); report(first with { Trial = "b" }); return 7; }));
    }

    [Fact]
    public void A_count_shows_its_progress_on_a_terminal() =>
        Assert.Equal(7, CountView.Show(Terminal(), json: false, "reading", report => { report(1, 2); report(2, 2); return 7; }));

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("[bold] is no markup")]
    public void Any_text_names_a_bar(string title)
    {
        AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(TextWriter.Null) }).Progress().AutoRefresh(false).Start(context =>
        {
            ProgressTask bar = Bars.Add(context, title, 0);
            Bars.Move(bar, title, 3, 4);
            Assert.Equal(75, bar.Percentage);
        });
    }

    private static Screen Terminal() => new(TextWriter.Null, TextWriter.Null, terminal: true);
}
