using System.CommandLine;
using AdaptFormer.Cli.Output;
using AdaptFormer.Experiments;
using AdaptFormer.Runs.Recipes;

namespace AdaptFormer.Cli.Commands;

/// <summary><c>adaptformer compare</c>: several methods on one data set and backbone, as a table with what is chance and what is
/// not.</summary>
internal static class CompareCommand
{
    private const int DefaultSeeds = 3;

    public static Command Create(Screen screen)
    {
        Argument<string[]> recipes = new("recipes")
        { Description = "Recipe files, or names of recipes that come with the program.", Arity = ArgumentArity.OneOrMore };
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
            string[] paths = [.. parsed.GetValue(recipes)!.Select(RecipeFiles.Find)], edits = options.Set(parsed);
            SearchSpace choice = new([.. (parsed.GetValue(choose) ?? []).Select(GridAxis.Parse)], []);
            List<PlannedRow> rows = [.. paths.Select(path => Row(Path.GetFileNameWithoutExtension(path), path, [], edits, choice))];
            foreach ((string name, Setting[] settings) in (parsed.GetValue(variant) ?? []).Select(ParseVariant))
                rows.Add(Row(name, paths[0], settings, edits, choice));
            if (rows.Count < 2)
                throw new ArgumentException("compare: one recipe is nothing to compare; give another one, or --variant 'NAME: key=value'.");
            ExperimentPlan plan = new("comparison", rows, options.Seeds(parsed, rows[0].Candidates[0].Recipe.Seed, DefaultSeeds),
                TestRows.All, options.Validation(parsed), ExperimentOptions.Command);
            return options.Run(parsed, screen, plan, Path.Combine("runs", $"{Path.GetFileNameWithoutExtension(paths[0])}-comparison"), null,
                cancellation);
        }, CancellationToken.None));
        DeviceChoice.AddTo(command);
        return command;
    }

    private static PlannedRow Row(string name, string path, Setting[] settings, string[] edits, SearchSpace choice) => new(
        name,
        [
            .. choice.Combinations().Select(chosen => new Candidate(
                [.. settings, .. chosen], Recipe.Load(path, [.. edits, .. settings.Concat(chosen).Select(setting => setting.ToString())]))),
        ]);

    private static (string Name, Setting[] Settings) ParseVariant(string text)
    {
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        string name = colon > 0 ? text[..colon].Trim() : "";
        if (name.Length == 0) throw new ArgumentException($"--variant '{text}' has no name; write --variant 'NAME: key=value; key=value'.");
        return (name, [.. text[(colon + 1)..].Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(edit => Setting.Parse(edit, $"--variant {name}:"))]);
    }
}
