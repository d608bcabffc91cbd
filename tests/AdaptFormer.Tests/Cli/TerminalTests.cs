using System.Diagnostics;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Cli;

/// <summary>The program as a person sees it: on a pseudo-terminal, narrow and wide, with and without colour.</summary>
public sealed class TerminalTests(TinyTask task) : IClassFixture<TinyTask>
{
    // Of commands that take long or need the network, their help is what a person meets first.
    private static readonly string[][] Helps = [["compare", "--help"], ["pretrain", "--help"], ["bench", "--help"], ["demo", "--help"], ["pull", "--help"]];

    [Theory]
    [InlineData(60, false)]
    [InlineData(100, true)]
    public async Task Every_command_ends_well_and_leaves_a_tidy_screen(int columns, bool colour)
    {
        PseudoTerminal.SkipUnlessThere();
        string run = task[$"run-{columns}"], data = task["train"];
        Assert.Contains("test top-1", string.Join('\n', await Tidy("train", task.Recipe, "--set", "epochs=2", "--output", run)), StringComparison.Ordinal);
        string[][] calls =
        [
            ["eval", "--run", run, "--per-class"],
            ["predict", task["test/dark/0.png"], task["test/bright/0.png"], "--run", run],
            ["describe", "--adapter", Path.Combine(run, "adapter.safetensors")],
            ["doctor"],
            ["data", "check", data],
            ["data", "cache", data, "--output", task[$"cache-{columns}"]],
            ["convert", task.Backbone, task[$"converted-{columns}.safetensors"], "--to", "timm"],
            ["report", run],
            ["visualize", "--run", run, "--output", task[$"page-{columns}.html"], "--points", "0", "--show", "1"],
            ["sweep", task.Recipe, "--grid", "tuning.bottleneck=1,2", "--set", "epochs=1", "--jobs", "1", "--output", task["sweep"]],
            .. columns < 80 ? Helps : [],
        ];
        foreach (string[] call in calls) await Tidy(call);

        async Task<string[]> Tidy(params string[] call)
        {
            (int code, TerminalScreen screen) = await PseudoTerminal.Run(columns, colour, call);
            string shown = string.Join('\n', screen.Lines), said = $"{string.Join(' ', call)}:\n{shown}";
            Assert.True(code == 0, said);
            Assert.False(screen.CursorHidden, said);
            Assert.DoesNotContain('━', shown);                                              // bars are gone
            Assert.True(colour || screen.Colours == 0, said);
            Assert.All(screen.Broken, line => Assert.True(!line.Trim().Contains(' ', StringComparison.Ordinal), said));       // only one word may be longer than a line: a path, a digest
            return screen.Lines;
        }
    }

    [Fact]
    public async Task Results_go_to_the_file_and_the_rest_to_the_terminal()
    {
        PseudoTerminal.SkipUnlessThere();
        (int code, TerminalScreen screen) = await PseudoTerminal.Run(100, true, "train", task.Recipe, "--set", "epochs=1", "--output", task["redirected"], $">{task["out.txt"]}");
        Assert.Equal(0, code);
        Assert.Contains(screen.Lines, line => line.StartsWith("epoch 1/1  loss ", StringComparison.Ordinal));
        Assert.DoesNotContain(screen.Lines, line => line.Contains("test top-1", StringComparison.Ordinal));
        Assert.StartsWith("| result", File.ReadAllText(task["out.txt"]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Quiet_leaves_the_result_alone()
    {
        CliOutcome outcome = await CliProgram.Run("train", task.Recipe, "--set", "epochs=1", "--output", task["quiet"], "--quiet");
        Assert.Equal((0, ""), (outcome.Code, outcome.Error));
        Assert.StartsWith("| result", outcome.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("train", ">/dev/full", 0)]
    [InlineData("train", ">&-", 0)]
    [InlineData("describe", ">/dev/full", 1)]
    public async Task A_stdout_that_takes_nothing_costs_a_warning_and_no_file(string command, string redirection, int expected)
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "There is no /dev/full here.");
        string run = task[$"full-{command}-{(redirection.Contains('&', StringComparison.Ordinal) ? "closed" : "full")}"];
        string call = command == "train" ? $"train '{task.Recipe}' --set epochs=1 --output '{run}'" : "describe --model vit_tiny_patch16_224";
        using Process shell = Process.Start(new ProcessStartInfo("sh", ["-c", $"exec dotnet '{Path.Combine(AppContext.BaseDirectory, "adaptformer.dll")}' {call} {redirection}"]) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        CliOutcome outcome = await CliProgram.Finish(shell);
        Assert.Equal(expected, outcome.Code);
        Assert.Single(outcome.Error.Split('\n'), line => line.StartsWith("adaptformer: warning: stdout cannot be written", StringComparison.Ordinal));
        Assert.Equal(command == "train", File.Exists(Path.Combine(run, "adapter.safetensors")));
    }
}
