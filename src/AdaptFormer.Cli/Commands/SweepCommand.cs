using System.CommandLine;
using System.Globalization;
using AdaptFormer.Cli.Output;
using AdaptFormer.Experiments;
using AdaptFormer.Runs.Recipes;

namespace AdaptFormer.Cli.Commands;

/// <summary><c>adaptformer sweep</c>: a recipe with many values of some keys; <c>--auto</c> finds good ones without trying all of them to
/// the end.</summary>
internal static class SweepCommand
{
    private const double DefaultBudget = 0.2;
    // the values of the paper's Table 3
    private static readonly string[] AutoGrid = ["tuning.bottleneck=1,4,16,32,64,128,256,512", "tuning.scale=0.01,0.05,0.1,0.2"];

    public static Command Create(Screen screen)
    {
        Argument<string> source = new("recipe")
        {
            HelpName = "recipe or data",
            Description = "A recipe or a sweep file: a file, or the name of one that comes with the program, such as sweeps/bottleneck; or "
                + "the data alone, as for train.",
        };
        Option<string[]> grid = new("--grid")
        { Description = "Values to try, each with each of the other keys': --grid tuning.bottleneck=1,4,16.", HelpName = "key=a,b,c" };
        Option<string[]> random = new("--random")
        { Description = "Values to draw: uniform(a,b), loguniform(a,b), int(a,b) or choice(a,b,c).", HelpName = "key=distribution" };
        Option<int> trials = new("--trials") { Description = "Draws of the --random keys.", HelpName = "n", DefaultValueFactory = _ => 8 };
        Option<bool> auto = new("--auto") { Description = "Choose by successive halving: of bottleneck and scale, or of the given grid." };
        Option<double> budget = new("--budget")
        {
            Description = "Share of the full grid's epochs that --auto may spend.",
            HelpName = "share",
            DefaultValueFactory = _ => DefaultBudget,
        };
        Option<TestRows?> test = new("--test")
        { Description = "What the test data score at the end: none, best (if left out) or all.", HelpName = "rows" };
        ExperimentOptions options = new();
        source.OfferRecipes();
        FileCommand command =
            new("sweep", "Train a recipe with many values of some keys.") { source, grid, random, trials, auto, budget, test };
        options.AddTo(command);
        command.SetAction((parsed, cancellation) => Task.Run(() =>
        {
            string text = parsed.GetValue(source)!;
            TrainingSource given = TrainingSource.MeansData(text) ? TrainingSource.Of(text) : TrainingSource.OfRecipe(text, [], []);
            (string path, string[] edits) = (given.Recipe, [.. given.Edits, .. options.Edits(parsed)]);
            string[] grids = parsed.GetValue(grid) ?? [], randoms = parsed.GetValue(random) ?? [];
            bool halve = parsed.GetValue(auto);
            SweepFile? file = SweepFile.IsSweep(path) ? SweepFile.Load(path) : null;
            if (file is not null && grids.Length + randoms.Length > 0)
                throw new ArgumentException($"{path} says itself what varies; leave --grid and --random out.");
            if (file is null && grids.Length + randoms.Length == 0 && !halve)
                throw new ArgumentException("sweep: what varies? Give --grid key=a,b,c, --random key=loguniform(a,b), or --auto.");

            IReadOnlyList<PlannedRow> rows = file is not null
                ? file.Rows(RecipeOf(file, path), edits)
                : SweepRows.Of(path, edits, new SearchSpace(
                    [.. (halve && grids.Length + randoms.Length == 0 ? AutoGrid : grids).Select(GridAxis.Parse)],
                    [.. randoms.Select(RandomAxis.Parse)], randoms.Length > 0 ? parsed.GetValue(trials) : 1));
            foreach (string note in options.IsJson(parsed) ? [] : given.Notes) screen.Note(note);
            Recipe first = rows[0].Candidates[0].Recipe;
            TestRows tested = parsed.GetValue(test) ?? file?.Test ?? TestRows.Best;
            ExperimentPlan plan = new("sweep", rows, options.Seeds(parsed, first.Seed, file?.Seeds ?? 1), tested,
                options.Validation(parsed), ExperimentOptions.Command);
            HalvingPlan? halving = halve ? HalvingPlan.Create(rows.Count, first.Epochs, parsed.GetValue(budget)) : null;
            if (halve && !first.Data.HasValidation && options.Validation(parsed) == 0)
                throw new ArgumentException("--auto chooses on validation data; give --validation a share above 0.");
            if (halving is not null && !options.IsJson(parsed)) screen.Note(string.Create(CultureInfo.InvariantCulture,
                $"{rows.Count} combinations in {halving.Rungs.Count} rounds: {halving.Cost} epochs, "
                + $"{100.0 * halving.Cost / halving.GridCost:0.0} % of the full grid's {halving.GridCost}"));
            return options.Run(parsed, screen, plan, Path.Combine("runs", $"{given.Name}-sweep"), halving,
                cancellation);
        }, CancellationToken.None));
        DeviceChoice.AddTo(command);
        return command;
    }

    // The recipe of a sweep lies beside it, below the current directory, or beside the program.
    private static string RecipeOf(SweepFile file, string path)
    {
        string beside = Path.Combine(Path.GetDirectoryName(path) ?? "", file.Recipe);
        return File.Exists(beside) ? beside : RecipeFiles.Find(file.Recipe);
    }
}
