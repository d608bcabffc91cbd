using System.CommandLine;
using System.Diagnostics;
using System.Text.RegularExpressions;
using AdaptFormer.Cli;
using AdaptFormer.Cli.Output;
using AdaptFormer.Tests.Files.Hub;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Cli;

/// <summary>
/// Every command as a person sees it: on a pseudo-terminal of 60 and of 100 columns, with and without colour. What a screen shows at the
/// end is held by <see cref="ApprovedScreen"/>.
/// </summary>
public sealed partial class TerminalTests(TinyTask task) : IClassFixture<TinyTask>
{
    private const int Narrow = 60, Wide = 100;

    // Wrong words, missing files: what a person meets first.
    private static readonly (int Code, string[] Call)[] Mistakes =
    [
        (2, ["trian"]),
        (2, ["train"]),
        (2, ["train", "nowhere"]),
        (2, ["predict"]),
        (1, ["eval", "--run", "nowhere"]),
        (2, ["train", "imagefolder"]),
        (2, ["train", "image-folder", "--epochs", "many"]),
        (1, ["train", "cifar100-subset-linear", "--weights", "nowhere.safetensors", "--set", "data.train=nowhere"]),
        (1, ["predict", "nowhere.png", "--run", "nowhere"]),
        (2, ["describe", "--model", "vit_tiny_patch16_224", "--preset", "adaptfomer"]),
        (1, ["convert", "nowhere.bin", "out.safetensors", "--to", "timm"]),
        (1, ["data", "check", "nowhere"]),
        (2, ["pull", "no-slash"]),
        (1, ["report", "nowhere"]),
        (2, ["sweep", "synthetic-adaptformer"]),
        (2, ["compare", "synthetic-adaptformer"]),
    ];

    [Theory]
    [InlineData(Narrow, false)]
    [InlineData(Wide, true)]
    public async Task Commands_on_a_model_leave_the_approved_screens(int columns, bool colour)
    {
        PseudoTerminal.SkipUnlessThere();
        Terminal terminal = new(task, columns, colour);
        string recipe = terminal.Recipe, run = $"run-{columns}";
        using FakeHub hub = new() { Files = { ["model.safetensors"] = File.ReadAllBytes(task.Backbone) } };
        await terminal.Holds("train", "train", recipe, "--epochs", "2", "--output", run);
        await terminal.Holds("eval", "eval", "--run", run, "--per-class");
        await terminal.Holds("predict", "predict", "test/dark/0.png", "test/bright/0.png", "--run", run, "--top-k", "1");
        await terminal.Holds("report", "report", run);
        await terminal.Holds("visualize", "visualize", "--run", run, "--output", "page.html", "--points", "0", "--show", "1");
        await terminal.Holds("describe", "describe", "--adapter", $"{run}/adapter.safetensors");
        await terminal.Holds("convert", "convert", "backbone.safetensors", $"converted-{columns}.safetensors", "--to", "timm");
        await terminal.Holds("data-check", "data", "check", "train");
        await terminal.Holds("data-cache", "data", "cache", "train", "--output", $"cached-{columns}");
        await terminal.Holds("pull", "pull", FakeHub.Repository, "--endpoint", hub.Endpoint.ToString(), "--cache", $"hub-{columns}");
        await terminal.Holds("pretrain", "pretrain", terminal.Pretraining, "--output", $"pretrained-{columns}");
    }

    [Theory]
    [InlineData(Narrow, false)]
    [InlineData(Wide, true)]
    public async Task Commands_that_compare_and_measure_leave_the_approved_screens(int columns, bool colour)
    {
        PseudoTerminal.SkipUnlessThere();
        Terminal terminal = new(task, columns, colour);
        string recipe = terminal.Recipe;
        await terminal.Holds(
            "compare", "compare", recipe, "--variant", "VPT: tuning.method=vpt", "--set", "epochs=1", "--seeds", "1", "--jobs", "1",
            "--output", $"compared-{columns}");
        await terminal.Holds(
            "sweep", "sweep", recipe, "--grid", "batch=3,6", "--set", "epochs=1", "--jobs", "1", "--output", $"swept-{columns}");
        await terminal.Holds("bench", "bench", "--loading", "train", "--seconds", "0");
        string[] demo = ["demo", "--epochs", "1", "--seeds", "1", "--output", "demo"];
        await terminal.Holds("demo", demo);
    }

    [Theory]
    [InlineData(Narrow, false)]
    [InlineData(Narrow, true)]
    [InlineData(Wide, false)]
    [InlineData(Wide, true)]
    public async Task Lists_and_mistakes_look_the_same_with_and_without_colour(int columns, bool colour)
    {
        PseudoTerminal.SkipUnlessThere();
        Terminal terminal = new(task, columns, colour);
        await terminal.Holds("models", "models");
        await terminal.Holds("recipes", "recipes");
        // What it shows is what is found here, and one number may be another in this process: the threads that a test beside this one sets.
        Assert.Equal(Elsewhere(await InProcess(0, ["doctor"], columns)), Elsewhere(await terminal.Tidy(0, "doctor")));
        foreach ((int code, string[] call) in Mistakes.Take(4)) Assert.Equal(await InProcess(code, call, columns), await terminal.Tidy(code, call));

        static IEnumerable<string> Elsewhere(IEnumerable<string> lines) => lines.Where(line => !line.Contains(" processors, ", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(Narrow)]
    [InlineData(Wide)]
    public async Task Mistakes_are_explained_by_the_approved_screens(int columns)
    {
        List<string> mistakes = [];
        foreach ((int code, string[] call) in Mistakes)
            mistakes.AddRange([$"$ adaptformer {string.Join(' ', call)}", .. await InProcess(code, call, columns), $"[{code}]", ""]);
        ApprovedScreen.Check("mistakes", columns, mistakes, line => line.Replace(AppContext.BaseDirectory, "PROGRAM/", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Help_breaks_no_word_and_lists_no_recipes()
    {
        foreach (string[] call in HelpCalls(Shell.Root(new Screen(TextWriter.Null, TextWriter.Null, terminal: false)), []))
            Assert.DoesNotMatch(@"[\w-]+\|[\w-]+\|[\w-]+\|[\w-]+[|>]", await Help(call));

        PseudoTerminal.SkipUnlessThere();
        Terminal terminal = new(task, Narrow, colour: false);
        foreach (string[] call in (string[][])[["--help"], ["train", "--help"]])
            Assert.Empty(Words(await terminal.Tidy(0, call)).Except(Words([await Help(call), "adaptformer"])));

        static async Task<string> Help(string[] call)
        {
            using StringWriter output = new();
            Assert.Equal(0, await Shell.RunAsync(call, new Screen(output, TextWriter.Null, terminal: false)));
            return output.ToString();
        }
    }

    [Fact]
    public async Task Results_go_to_the_file_and_the_rest_to_the_terminal()
    {
        PseudoTerminal.SkipUnlessThere();
        (int code, TerminalScreen screen) = await PseudoTerminal.Run(Wide, true, "train", task.Recipe, "--set", "epochs=1", "--output", task["redirected"], $">{task["out.txt"]}");
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
        CliOutcome outcome = await InShell($"exec {Program} {call} {redirection}");
        Assert.Equal(expected, outcome.Code);
        Assert.Single(outcome.Error.Split('\n'), line => line.StartsWith("adaptformer: warning: stdout cannot be written", StringComparison.Ordinal));
        Assert.Equal(command == "train", File.Exists(Path.Combine(run, "adapter.safetensors")));
    }

    [Theory]
    [InlineData("recipes")]
    [InlineData("models --json")]
    [InlineData("train RECIPE --set epochs=2 --json --quiet --output RUN")]
    public async Task A_reader_that_has_seen_enough_is_no_mistake(string call)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "There is no sh here.");
        string run = task["piped"], filled = call.Replace("RECIPE", $"'{task.Recipe}'", StringComparison.Ordinal).Replace("RUN", $"'{run}'", StringComparison.Ordinal);
        CliOutcome outcome = await InShell($"{{ {Program} {filled}; echo \"code $?\" >&2; }} | head -n 1");
        Assert.Equal("code 0", outcome.Error.Trim());
        Assert.Single(outcome.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        if (call.StartsWith("train", StringComparison.Ordinal)) Assert.True(File.Exists(Path.Combine(run, "adapter.safetensors")));
    }

    private static string Program => $"dotnet '{Path.Combine(AppContext.BaseDirectory, "adaptformer.dll")}'";

    private static async Task<CliOutcome> InShell(string script)
    {
        using Process shell = Process.Start(new ProcessStartInfo("sh", ["-c", script]) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        return await CliProgram.Finish(shell);
    }

    private static IEnumerable<string[]> HelpCalls(Command command, string[] path) =>
        [[.. path, "--help"], .. command.Subcommands.Where(below => !below.Hidden).SelectMany(below => HelpCalls(below, [.. path, below.Name]))];

    // What the program would show on a terminal of that width, without the start of a process.
    private static async Task<IReadOnlyList<string>> InProcess(int expected, string[] call, int columns)
    {
        using StringWriter shown = new();
        Assert.Equal(expected, await Shell.RunAsync(call, new Screen(shown, shown, true, true, columns)));
        return new TerminalScreen(columns).Write(shown.ToString().Replace("\n", "\r\n", StringComparison.Ordinal)).WholeLines;
    }

    private static IEnumerable<string> Words(IEnumerable<string> lines) => lines.SelectMany(line => line.Split([' ', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries));

    /// <summary>A terminal in the task's folder, whose recipes name what lies there by relative paths: they look the same everywhere.</summary>
    private sealed partial class Terminal(TinyTask task, int columns, bool colour)
    {
        // These show little else than figures of this machine.
        private static readonly string[] Measuring = ["compare", "sweep", "bench", "demo"];

        // These are long, and change with what the program brings.
        private static readonly string[] Listing = ["models", "recipes"];

        public string Recipe { get; } = Written(
            task, "here.json", File.ReadAllText(task.Recipe).Replace(task[""] + Path.DirectorySeparatorChar, "", StringComparison.Ordinal));

        public string Pretraining { get; } = Written(
            task, "masked.json",
            $$"""
            {
              "model": { "name": "tiny", "weights": null, "normalize": "imagenet", "config": {{TinyTask.Config}} },
              "pretraining": { "decoder_embed_dim": 16, "decoder_depth": 1, "decoder_num_heads": 2 },
              "data": { "train": "train" },
              "epochs": 2,
              "batch": 6,
              "precision": "float32"
            }
            """);

        /// <summary>Runs a command that succeeds, and compares its last screen with the approved one.</summary>
        public async Task Holds(string name, params string[] call)
        {
            IReadOnlyList<string> lines = await Tidy(0, call);
            if (Listing.Contains(name)) lines = [.. lines.Take(6), "…", .. lines.TakeLast(6)];
            if (name == "demo" && columns == Wide) lines = [.. TableRows.Of(lines)];        // how long it takes decides where the titles of its table break
            ApprovedScreen.Check(name, columns, lines, line => Mask(name, line));
        }

        /// <summary>Runs a command and checks what holds for every screen.</summary>
        /// <returns>The screen.</returns>
        public async Task<IReadOnlyList<string>> Tidy(int expected, params string[] call)
        {
            (int code, TerminalScreen screen) = await PseudoTerminal.RunIn(task[""], columns, colour, call);
            string shown = string.Join('\n', screen.Lines), said = $"{string.Join(' ', call)}:\n{shown}";
            Assert.True(code == expected, $"exit code {code}, {said}");
            Assert.False(screen.CursorHidden, said);
            Assert.DoesNotContain('━', shown);                                              // bars are gone
            Assert.All(screen.Lines, line => Assert.True(line.Count(c => c == '%') < 2 || !line.Contains("% %", StringComparison.Ordinal), said));
            Assert.True(colour || screen.Colours == 0, said);
            Assert.All(screen.Broken, line => Assert.True(!line.Trim().Contains(' ', StringComparison.Ordinal), said));       // only one word may be longer than a line: a path, a digest
            Assert.All(screen.Lines.Where(line => line.StartsWith('│')), line => Assert.True(line.EndsWith('│'), said));
            return screen.WholeLines;
        }

        private string Mask(string name, string line)
        {
            line = line.Replace(task[""], "FOLDER", StringComparison.Ordinal);
            if (name == "predict") line = Classes().Replace(line, "CLASS");
            if (name == "describe") line = Described().Replace(line, "#");
            return Measuring.Contains(name) ? Figures().Replace(Best().Replace(Types().Replace(line, "TYPE"), "$1"), "#") : line;
        }

        private static string Written(TinyTask task, string name, string content)
        {
            task.Write(name, content);
            return name;
        }

        [GeneratedRegex("bright|dark|striped")]
        private static partial Regex Classes();

        [GeneratedRegex(@"bfloat16|float32|(?<=_loss: |_top1: |epoch: )[\d.]+|(?<=MB │ +)[\d.]+")]
        private static partial Regex Described();

        // Which row is the best, and so what is told of it, may hang on a picture or two.
        [GeneratedRegex(@" \*(?=$| )| significant|(?<=^  )(test|to) .*$|(?<=: )(more|not more) .*$|(?<=sees: ).*$|(?<=That is ).*$")]
        private static partial Regex Best();

        [GeneratedRegex("bfloat16|float32")]
        private static partial Regex Types();

        [GeneratedRegex(@"(?<![\w-])[+-]?\d[\d.,]*|(?<=│ +)-(?= +│)")]
        private static partial Regex Figures();
    }
}
