using System.CommandLine;
using System.CommandLine.Parsing;
using AdaptFormer.Cli.Output;
using AdaptFormer.Experiments;
using AdaptFormer.Runs.Experiments;

namespace AdaptFormer.Cli.Commands;

/// <summary>The options that comparisons and sweeps share, and what they do with a plan.</summary>
internal sealed class ExperimentOptions
{
    private readonly BackboneChoice _backbone = new();
    private readonly Option<int?> _epochs = new("--epochs") { Description = "Passes over the training data.", HelpName = "n" };
    private readonly Option<string[]> _set = new("--set")
    { Description = "Change a key of every recipe, for example --set epochs=20; may be given many times.", HelpName = "key=value" };
    private readonly Option<int?> _seeds = new("--seeds")
    { Description = "Train everything once for each of n seeds, from the recipe's own on.", HelpName = "n" };
    private readonly Option<double> _validation = new("--validation")
    {
        Description = "Share of the training data that is set aside where a recipe sets none aside; 0 trains on all of it.",
        HelpName = "share",
        DefaultValueFactory = _ => ExperimentPlan.DefaultValidationFraction,
    };
    private readonly Option<string> _output = new("--output")
    { Description = "The folder of the experiment. What is finished in it is kept.", HelpName = "folder" };
    private readonly Option<bool> _overwrite = new("--overwrite") { Description = "Delete what is in the folder and begin anew." };
    private readonly Option<int?> _jobs = new("--jobs")
    { Description = "Trainings side by side; by cores and measured memory if left out.", HelpName = "n" };
    private readonly Option<string> _launcher = new("--launcher")
    {
        Description = "What starts each training, here or elsewhere: \"srun -N 1 -n 4 --mpi=pmix\", \"mpirun -n 2 --host {host}:2\".",
        HelpName = "command",
    };
    private readonly Option<string> _hosts = new("--hosts")
    { Description = "Machines for {host} of --launcher, one training at a time each.", HelpName = "a,b,c" };
    private readonly Option<bool> _json = CommonOptions.Json("Print one JSON line a training, and a last one with everything.");

    public void AddTo(Command command)
    {
        Option[] all = [.. _backbone.Options, _epochs, _set, _seeds, _validation, _output, _overwrite, _jobs, _launcher, _hosts, _json];
        foreach (Option option in all) command.Add(option);
    }

    /// <summary>The edits of all recipes, those of <c>--set</c> last: they win.</summary>
    public string[] Edits(ParseResult parsed) =>
    [
        .. _backbone.Edits(parsed),
        .. parsed.GetValue(_epochs) is { } epochs ? [$"epochs={epochs}"] : (string[])[],
        .. parsed.GetValue(_set) ?? [],
    ];

    /// <summary>Whether stdout holds JSON only.</summary>
    public bool IsJson(ParseResult parsed) => parsed.GetValue(_json);

    /// <summary>The share of the training data to set aside.</summary>
    public double Validation(ParseResult parsed) => parsed.GetValue(_validation);

    /// <summary>The seeds, from <paramref name="first"/> on.</summary>
    /// <exception cref="ArgumentException">There is none.</exception>
    public IReadOnlyList<long> Seeds(ParseResult parsed, long first, int otherwise)
    {
        int count = parsed.GetValue(_seeds) ?? otherwise;
        return count >= 1 ? [.. Enumerable.Range(0, count).Select(i => first + i)]
            : throw new ArgumentException($"--seeds is {count}; expected at least 1.");
    }

    /// <summary>The call, for the record.</summary>
    public static string Command =>
        $"adaptformer {string.Join(' ', Environment.GetCommandLineArgs().Skip(1).Select(Quoted))}";

    private static string Quoted(string word) =>
        word.AsSpan().IndexOfAny(" '\"(;") < 0 ? word : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    private TrialLauncher? Launcher(ParseResult parsed)
    {
        string[] hosts = (parsed.GetValue(_hosts) ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (parsed.GetValue(_launcher) is { } command) return new TrialLauncher([.. CommandLineParser.SplitCommandLine(command)], hosts);
        return hosts.Length == 0 ? null : throw new ArgumentException("--hosts are machines for {host} of --launcher; give both.");
    }

    /// <summary>Carries out <paramref name="plan"/>, in the folder that was asked for.</summary>
    /// <param name="halving">The rounds of successive halving; null trains everything.</param>
    public int Run(
        ParseResult parsed, Screen screen, ExperimentPlan plan, string output, HalvingPlan? halving, CancellationToken cancellation)
    {
        if (parsed.GetValue(_jobs) is < 1) throw new ArgumentException("--jobs must be at least 1.");
        plan.Check();
        foreach (string? weights in plan.Rows.SelectMany(row => row.Candidates).Select(one => one.Recipe.Model.Weights).Distinct())
            WeightsFetch.Ensure(screen, weights, cancellation);
        using TrialStore store = TrialStore.Open(parsed.GetValue(_output) ?? output, parsed.GetValue(_overwrite));
        TrialLauncher? launcher = Launcher(parsed);
        ChildProcessHost host = new(TrialCommand.Start, launcher);
        int? jobs = parsed.GetValue(_jobs) ?? (launcher?.Hosts.Count > 0 ? launcher.Hosts.Count : null);
        ExperimentResult result = ExperimentView.Show(screen, parsed.GetValue(_json), report =>
        {
            Experiment experiment =
                new(plan, store, new TrialScheduler(store, host, TrialSlots.Here(host, jobs ?? DeviceChoice.Jobs), report), report);
            return halving is null ? experiment.Run(cancellation) : experiment.Halve(halving, cancellation);
        });
        if (!parsed.GetValue(_json))
            screen.Line($"{Path.Combine(store.Folder, "report.html")} shows it; {result.Kind}.json and a run directory for each "
                + "training lie beside it.");
        return result.Best is null ? Failure.FailedRun : 0;
    }
}
