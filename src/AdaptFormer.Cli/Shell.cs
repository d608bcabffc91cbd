using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using AdaptFormer.Cli.Commands;
using AdaptFormer.Cli.Output;
using AdaptFormer.Distributed;
using AdaptFormer.Files;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Cli;

/// <summary>
/// From arguments to an exit code: 0 done, 1 the run failed, 2 the call was wrong, 130 stopped by Ctrl-C, 143 by SIGTERM, 129 by the end of
/// its terminal (see <see cref="StopSignals"/>). Errors are short and go to stderr; a stack trace appears only with
/// <c>ADAPTFORMER_DEBUG=1</c>.
/// </summary>
internal static class Shell
{
    private const string Quiet = "--quiet";

    /// <summary>The program with all its commands.</summary>
    public static RootCommand Root(Screen screen)
    {
        RootCommand root = new("Fine-tunes a frozen vision transformer with tiny adapters, and uses what it learned.")
        {
            DemoCommand.Create(screen),
            TrainCommand.Create(screen),
            PretrainCommand.Create(screen),
            CompareCommand.Create(screen),
            SweepCommand.Create(screen),
            TrialCommand.Create(screen),
            EvalCommand.Create(screen),
            PredictCommand.Create(screen),
            ServeCommand.Create(screen),
            DescribeCommand.Create(screen),
            RecipesCommand.Create(screen),
            ModelsCommand.Create(screen),
            PullCommand.Create(screen),
            DataCommand.Create(screen),
            ExportCommand.Create(screen),
            ConvertCommand.Create(screen),
            ReportCommand.Create(screen),
            VisualizeCommand.Create(screen),
            BenchCommand.Create(screen),
            DoctorCommand.Create(screen),
            new Option<bool>(Quiet, "-q")
            { Description = "Show no progress and no notes; results, warnings and errors only.", Recursive = true },
        };
        root.SetAction(parsed => parsed.RootCommandResult.Command.Parse(["--help"]).Invoke(parsed.InvocationConfiguration));
        return root;
    }

    /// <summary>Runs one call of the program.</summary>
    public static async Task<int> RunAsync(IReadOnlyList<string> args, Screen screen)
    {
        RootCommand root = Root(screen);
        ParseResult parsed = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        string name = parsed.CommandResult.Command.Name;
        bool unclear = parsed.Action is ParseErrorAction;
        Launch? launch = Launch.OfMpi(Environment.GetEnvironmentVariable);
        bool refused = launch is not null && !Ranks.Shared.Contains(name);
        if ((unclear || refused) && launch is { Rank: > 0 })
        {
            Ranks.LeaveToFirst(launch);
            return Failure.WrongCall;
        }

        if (unclear) return Explain(parsed, screen);
        if (refused)
        {
            // They would all do the same, and write the same files.
            string instead = name is "compare" or "sweep" ? ", and give it with --launcher to start the trainings." : ".";
            screen.Error($"{name} is the work of one process, and {launch!.Size} were started; start it without the launcher{instead}");
            return Failure.WrongCall;
        }

        screen.Quiet = parsed.GetValue(root.Options.OfType<Option<bool>>().Single(option => option.Name == Quiet));
        using StopSignals signals = new();
        try
        {
            _ = NativeSwitch.Off;       // a value that means nothing is refused before any work
            using IDisposable? device = DeviceChoice.Use(parsed, screen);
            int code = await parsed.InvokeAsync(new InvocationConfiguration
            {
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null,       // signals are heard here
                Output = screen.OutWriter,
                Error = screen.ErrorWriter,
            }, signals.Token);
            code = signals.CodeOf(code);
            return code == 0 && screen.Lost && parsed.CommandResult.Command is not FileCommand ? Failure.FailedRun : code;
        }
        catch (Exception error)
        {
            return signals.CodeOf(Failure.Report(error, screen));
        }
    }

    private static int Explain(ParseResult parsed, Screen screen)
    {
        CommandResult command = parsed.CommandResult;
        foreach (ParseError error in parsed.Errors) screen.Error(error.Message);
        string[] words = [.. command.Command.Subcommands.Select(c => c.Name), .. command.Command.Options.Select(o => o.Name)];
        foreach (string token in parsed.UnmatchedTokens)
            if (Spelling.Nearest(token, words) is { } meant) screen.Error($"Did you mean '{meant}'?");

        string path = string.Join(' ', Path(command));
        screen.Error($"See '{path} --help'.");
        return Failure.WrongCall;
    }

    private static IEnumerable<string> Path(SymbolResult? result) =>
        result is CommandResult command
            ? [.. Path(command.Parent), command.Command is RootCommand ? "adaptformer" : command.Command.Name]
            : [];
}
