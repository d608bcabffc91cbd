using System.CommandLine;
using AdaptFormer.Cli.Output;
using AdaptFormer.Training;
using AdaptFormer.Training.Recipes;
using AdaptFormer.Training.Runs;

namespace AdaptFormer.Cli.Commands;

/// <summary><c>adaptformer train</c>: fine-tunes a backbone as a recipe says.</summary>
internal static class TrainCommand
{
    public static Command Create(Screen screen)
    {
        Argument<string> recipe = new("recipe") { Description = "A recipe file, or the name of one that comes with the program, such as image-folder." };
        Option<string[]> set = new("--set") { Description = "Change a key of the recipe, for example --set tuning.bottleneck=32; may be given many times.", HelpName = "key=value" };
        Option<string> output = new("--output") { Description = "The run directory; runs/RECIPE if left out.", HelpName = "folder" };
        Option<int> seeds = new("--seeds") { Description = "Train once for each of n seeds, from the recipe's own on, and give mean and deviation.", HelpName = "n" };
        Option<bool> overwrite = new("--overwrite") { Description = "Replace a run that is in the output folder." };
        Option<bool> resume = new("--resume") { Description = "Go on with the run in the output folder from its last whole epoch." };
        Option<bool> json = CommonOptions.Json("Print one JSON line an epoch, and a last one with the outcome.");
        recipe.OfferRecipes();
        FileCommand command = new("train", "Fine-tune a backbone as a recipe says.") { recipe, set, output, seeds, overwrite, resume, json };
        command.SetAction((parsed, cancellation) => Task.Run(() =>
        {
            string path = RecipeFiles.Find(parsed.GetValue(recipe)!);
            Recipe read = Recipe.Load(path, parsed.GetValue(set));
            string folder = parsed.GetValue(output) ?? Path.Combine("runs", Path.GetFileNameWithoutExtension(path));
            if (parsed.GetValue(overwrite) && parsed.GetValue(resume)) throw new ArgumentException("--overwrite replaces a run and --resume goes on with it; give one of them.");
            ExistingRun existing = parsed.GetValue(overwrite) ? ExistingRun.Overwrite : parsed.GetValue(resume) ? ExistingRun.Resume : ExistingRun.Refuse;
            RunView.Show<RunRecord>(screen, parsed.GetValue(json), report => parsed.GetResult(seeds) is null
                ? TrainingRun.Execute(read, folder, existing, report, cancellation)
                : TrainingRun.ExecuteSeeds(read, parsed.GetValue(seeds), folder, existing, report, cancellation));
            return 0;
        }, CancellationToken.None));
        return command;
    }
}
