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
            TrainingSource source = Source(parsed.GetValue(what), parsed.GetValue(data), parsed.GetValue(output), existing);
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

    private static TrainingSource Source(string? what, string? data, string? output, ExistingRun existing)
    {
        if (what is not null || data is not null) return TrainingSource.Of(what, data);

        // A run that goes on needs no more than its folder: the recipe lies in it.
        if (existing == ExistingRun.Resume && output is not null)
            return new TrainingSource("", RunDirectory.Open(output).RecipePath, [], []);
        throw new ArgumentException(
            "What is to be trained? Give a folder of pictures or clips (adaptformer train flowers), or a recipe "
            + "(adaptformer recipes lists those that come with the program).");
    }
}
