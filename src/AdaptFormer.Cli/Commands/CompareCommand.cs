using System.CommandLine;
using System.Globalization;
using AdaptFormer.Cli.Output;
using AdaptFormer.Experiments;
using AdaptFormer.Runs.Recipes;

namespace AdaptFormer.Cli.Commands;

/// <summary><c>adaptformer compare</c>: several methods on one data set and backbone, as a table with what is chance and what is
/// not.</summary>
internal static class CompareCommand
{
    private const int DefaultSeeds = 3;
    private const string Compared = "compared: AdaptFormer, linear probing, VPT and full tuning, this at a tenth of the rate; --choose "
        + "optimizer.base_lr=A,B,C chooses each one's, --variant compares others";

    public static Command Create(Screen screen)
    {
        Argument<string[]> recipes = new("recipes")
        {
            HelpName = "recipes or data",
            Description = "Recipe files, or names of recipes that come with the program; or the data alone, as for train, on which "
                + "AdaptFormer, linear probing, VPT and full tuning are compared.",
            Arity = ArgumentArity.OneOrMore,
        };
        Option<string[]> variant = new("--variant")
        {
            Description = "A row more: the first recipe with changes, for example --variant 'AdaptFormer-4: tuning.bottleneck=4; "
                + "tuning.scale=0.2'.",
            HelpName = "name: key=value; …",
        };
        Option<string[]> choose = new("--choose")
        {
            Description = "Train every row with each of several values, and keep what does best on the validation data: --choose "
                + "optimizer.lr=0.01,0.05,0.2.",
            HelpName = "key=a,b,c",
        };
        ExperimentOptions options = new();
        recipes.OfferRecipes();
        FileCommand command = new("compare", "Train several methods on the same data, and compare them.") { recipes, variant, choose };
        options.AddTo(command);
        command.SetAction((parsed, cancellation) => Task.Run(() =>
        {
            TrainingSource[] sources = [.. parsed.GetValue(recipes)!.Select(text => TrainingSource.Of(text))];
            string[] edits = options.Edits(parsed), variants = parsed.GetValue(variant) ?? [];
            SearchSpace choice = new([.. (parsed.GetValue(choose) ?? []).Select(GridAxis.Parse)], []);
            TrainingSource first = sources[0];
            bool dataAlone = first.IsData && sources.Length + variants.Length == 1;
            (string Name, Setting[] Settings)[] changed =
                dataAlone ? Methods(Recipe.Load(first.Recipe, [.. first.Edits, .. edits])) : [.. variants.Select(ParseVariant)];
            PlannedRow[] rows =
            [
                .. dataAlone ? [] : sources.Select(source => Row(source.Name, source, [], edits, choice)),
                .. changed.Select(one => Row(one.Name, first, one.Settings, edits, choice)),
            ];
            if (rows.Length < 2)
                throw new ArgumentException("compare: one recipe is nothing to compare; give another one, or --variant 'NAME: key=value'.");
            string[] notes = [.. sources.SelectMany(source => source.Notes).Distinct(), .. dataAlone ? [Compared] : (string[])[]];
            foreach (string note in options.IsJson(parsed) ? [] : notes) screen.Note(note);
            ExperimentPlan plan = new("comparison", rows, options.Seeds(parsed, rows[0].Candidates[0].Recipe.Seed, DefaultSeeds),
                TestRows.All, options.Validation(parsed), ExperimentOptions.Command);
            return options.Run(parsed, screen, plan, Path.Combine("runs", $"{first.Name}-comparison"), null, cancellation);
        }, CancellationToken.None));
        DeviceChoice.AddTo(command);
        return command;
    }

    private static PlannedRow Row(string name, TrainingSource source, Setting[] settings, string[] edits, SearchSpace choice) => new(
        name,
        [
            .. choice.Combinations().Select(chosen => new Candidate([.. settings, .. chosen], Recipe.Load(
                source.Recipe, [.. source.Edits, .. edits, .. settings.Concat(chosen).Select(setting => setting.ToString())]))),
        ]);

    // The paper's rows. All weights move farther than a few at the same rate: shipped recipes of full tuning have a tenth of the others'.
    private static (string Name, Setting[] Settings)[] Methods(Recipe own)
    {
        (string key, double rate) = own.Optimizer.Lr is { } lr ? ("lr", lr) : ("base_lr", own.Optimizer.BaseLr);
        string slower = string.Create(CultureInfo.InvariantCulture, $"optimizer.{key}={(decimal)rate / 10}");
        return
        [
            ("AdaptFormer", [Edit("tuning.method=adaptformer")]),
            ("linear probing", [Edit("tuning.method=linear")]),
            ("VPT", [Edit("tuning.method=vpt")]),
            ("full tuning", [Edit("tuning.method=full"), Edit(slower)]),
        ];

        static Setting Edit(string text) => Setting.Parse(text, "compare:");
    }

    private static (string Name, Setting[] Settings) ParseVariant(string text)
    {
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        string name = colon > 0 ? text[..colon].Trim() : "";
        if (name.Length == 0) throw new ArgumentException($"--variant '{text}' has no name; write --variant 'NAME: key=value; key=value'.");
        return (name, [.. text[(colon + 1)..].Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(edit => Setting.Parse(edit, $"--variant {name}:"))]);
    }
}
