using AdaptFormer.Cli.Output;
using AdaptFormer.Experiments;
using AdaptFormer.Files;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Experiments;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Cli.Output;

/// <summary>What a terminal shows while a job goes; the other tests of views are about redirected text.</summary>
public sealed class BarsTests
{
    private static readonly ProgressRecord Step = new("train", 1, 10, 30, 100, 2.5, 55.5, 0.01, 120);

    [Fact]
    public void A_run_leaves_its_epochs_and_no_bar()
    {
        Assert.Equal(["epoch 1/10  loss 1.5000  train 40.00 %  val 50.00 %  lr 0.1", "    55.5 images/s  waiting 1 %  1 min 32 s"], Shown((screen, json) => RunView.Show(screen, json, report =>
        {
            report(Step);
            report(Step with { Phase = "test" });
            report(new EpochRecord(1, 1.5, 40, 2, 50, 80, 0.1, 55.5, 0.01, 92));
            report(Step with { Epoch = 2 });
            return 0;
        })));
    }

    [Fact]
    public void An_experiment_leaves_no_bar()
    {
        TrialProgress first = new("a", "linear", 0, 2, Step, 60);
        Assert.Empty(Shown((screen, json) => ExperimentView.Show(screen, json, report => { report(first); report(first with { Trial = "b" }); return 0; })));
    }

    [Fact]
    public void A_count_leaves_no_bar() =>
        Assert.Empty(Shown((screen, json) => CountView.Show(screen, json, "reading", report => { report(1, 2); report(2, 2); return 0; })));

    [Fact]
    public void Work_that_fails_before_its_first_bar_leaves_nothing_but_what_it_says()
    {
        Assert.Equal(["before"], Shown((screen, json) => Assert.Throws<IOException>(() => CountView.Show<int>(screen, json, "reading", _ =>
        {
            screen.Note("before");
            Thread.Sleep(200);      // two frames of a display
            throw new IOException();
        }))));
    }

    [Theory]
    [InlineData(60, "train     ━━━━━━──────  50 %  1 min left  loss 2.5000")]
    [InlineData(100, "train     ━━━━━━━━━━━━────────────  50 %  1 min left  loss 2.5000  55.5 images/s")]
    public void A_bar_says_as_much_as_fits(int width, string expected)
    {
        (string title, string done, string left, string facts) = Bars.Line("train", 7, 0.5, ["1 min left", "loss 2.5000", "55.5 images/s"], width);
        string line = $"{title}  {done}{left} {facts}";
        Assert.Equal(expected, line);
        Assert.InRange(line.Length, 1, width);
    }

    [Fact]
    public void A_quiet_screen_and_json_on_a_terminal_show_no_bars()
    {
        Screen screen = new(TextWriter.Null, TextWriter.Null, terminal: true);
        Assert.True(screen.ShowsBars(json: false));
        Assert.False(screen.ShowsBars(json: true));
        Assert.True(new Screen(TextWriter.Null, TextWriter.Null, outTerminal: false, errorTerminal: true).ShowsBars(json: true));
        screen.Quiet = true;
        Assert.False(screen.ShowsBars(json: false));
    }

    private static string[] Shown(Action<Screen, bool> work)
    {
        using StringWriter error = new();
        work(new Screen(TextWriter.Null, error, outTerminal: true, errorTerminal: true, width: 60), false);
        TerminalScreen screen = new TerminalScreen(60).Write(error.ToString().Replace("\n", "\r\n", StringComparison.Ordinal));
        Assert.False(screen.CursorHidden);
        return screen.Lines;
    }
}
