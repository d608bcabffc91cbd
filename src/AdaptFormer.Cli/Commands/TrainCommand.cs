using System.CommandLine;
using AdaptFormer.Cli.Output;
using AdaptFormer.Experiments;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;

namespace AdaptFormer.Cli.Commands;

/// <summary><c>adaptformer train</c>: fine-tunes a backbone as a recipe says, or on data that are all that is named.</summary>
internal static class TrainCommand
{
    public static Command Create(Screen screen)
    {
        Argument<string?> what = new("recipe")
        {
            HelpName = "recipe or data",
            Description = "A recipe file, the name of one that comes with the program, or the data alone: a folder with one folder a "
                + "class, or a list.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        Option<string> data = new("--data")
        { Description = "The training data: a folder (its parts train, valid and test are found) or a list.", HelpName = "path" };
        RecipeOptions options = new();
        Option<string> output = new("--output")
        { Description = "The run directory; runs/NAME, or the next free runs/NAME-2, if left out.", HelpName = "folder" };
        Option<int> seeds = new("--seeds")
        { Description = "Train once for each of n seeds, from the recipe's own on, and give mean and deviation.", HelpName = "n" };
        Option<bool> overwrite = new("--overwrite") { Description = "Replace a run that is in the output folder." };
        Option<bool> resume = new("--resume")
        { Description = "Go on with the run in the output folder from its last checkpoint; more --epochs make it longer." };
        Option<bool> json = CommonOptions.Json("Print one JSON line an epoch, and a last one with the outcome.");
        Option<int?> threads = CommonOptions.Threads();
        what.OfferRecipes();
        FileCommand command = new("train", "Fine-tune a backbone: on a folder of pictures or clips, or as a recipe says.") { what, data };
        options.AddTo(command);
        foreach (Option option in (Option[])[output, seeds, overwrite, resume, threads, json]) command.Add(option);
        command.SetAction((parsed, cancellation) => Task.Run(() => Ranks.Run(screen, parsed.GetValue(threads), ranks =>
        {
            if (parsed.GetValue(overwrite) && parsed.GetValue(resume))
                throw new ArgumentException("--overwrite replaces a run and --resume goes on with it; give one of them.");
            ExistingRun existing = parsed.GetValue(overwrite) ? ExistingRun.Overwrite
                : parsed.GetValue(resume) ? ExistingRun.Resume
                : ExistingRun.Refuse;
            bool several = parsed.GetResult(seeds) is not null;
            Source source = Source.Of(parsed.GetValue(what), parsed.GetValue(data), parsed.GetValue(output), existing);
            Recipe recipe = Recipe.Load(source.Recipe, [.. source.Edits, .. options.Edits(parsed)]);
            string folder = parsed.GetValue(output) ?? existing switch
            {
                ExistingRun.Overwrite => RunPlace.First(source.Name),
                ExistingRun.Resume => RunPlace.Latest(source.Name),
                _ => RunPlace.New(source.Name, several),
            };
            foreach (string note in source.Notes) screen.Note(note);
            WeightsFetch.Ensure(screen, recipe.Model.Weights, cancellation);
            DeviceMemory.Require(recipe);
            RunView.Show<RunRecord>(screen, parsed.GetValue(json), report => several
                ? TrainingRun.ExecuteSeeds(recipe, parsed.GetValue(seeds), folder, existing, report, ranks, cancellation)
                : TrainingRun.Execute(recipe, folder, existing, report, ranks, cancellation));
            return 0;
        }), CancellationToken.None));
        DeviceChoice.AddTo(command);
        return command;
    }

    /// <summary>What a call trains.</summary>
    /// <param name="Name">What its run is called.</param>
    /// <param name="Recipe">The recipe's file.</param>
    /// <param name="Edits">Edits that come before those of the options.</param>
    /// <param name="Notes">What was found and decided.</param>
    private sealed record Source(string Name, string Recipe, IReadOnlyList<string> Edits, IReadOnlyList<string> Notes)
    {
        public static Source Of(string? what, string? data, string? output, ExistingRun existing)
        {
            // A run that goes on needs no more than its folder: the recipe lies in it.
            if (what is null && data is null)
            {
                if (existing == ExistingRun.Resume && output is not null)
                    return new Source("", RunDirectory.Open(output).RecipePath, [], []);
                throw new ArgumentException(
                    "What is to be trained? Give a folder of pictures or clips (adaptformer train flowers), or a recipe "
                    + "(adaptformer recipes lists those that come with the program).");
            }

            bool isData = what is not null && !RecipeFiles.Means(what)
                && (Path.Exists(what) || what.Contains(':', StringComparison.Ordinal));
            if (isData && data is not null) throw new ArgumentException($"'{what}' are data, and --data names others; give one of them.");
            if (isData) (what, data) = (null, what);
            if (data is null && !isData && !RecipeFiles.Means(what!))
                throw new ArgumentException(
                    $"There is no folder, list or recipe '{what}'{RecipeFiles.Meant(what!)}. Give a folder of pictures or clips that is "
                    + "there, or a recipe (adaptformer recipes lists those that come with the program).");
            if (data is null) return OfRecipe(what!, [], []);

            DataRecipe found = DataRecipe.Of(data);
            return what is null
                ? new Source(Named(data), RecipeFiles.Find(found.Recipe), found.Edits, [.. found.Notes, $"recipe: {found.Recipe}"])
                : OfRecipe(what, found.Edits, found.Notes);
        }

        private static Source OfRecipe(string text, IReadOnlyList<string> edits, IReadOnlyList<string> notes)
        {
            string path = RecipeFiles.Find(text);
            return new Source(Path.GetFileNameWithoutExtension(path), path, edits, notes);
        }

        // The folder's own name; of '.' and the like that of the folder that is meant.
        private static string Named(string data)
        {
            string path = data[(data.LastIndexOf(':') is > 1 and var at ? at + 1 : 0)..];
            string name = Path.GetFileNameWithoutExtension(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)));
            return name.Length == 0 ? "data" : name;
        }
    }
}
