using System.CommandLine;
using AdaptFormer.Cli.Output;
using AdaptFormer.Experiments;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;

namespace AdaptFormer.Cli.Commands;

/// <summary><c>adaptformer pretrain</c>: makes a backbone from pictures or clips without labels, by masking.</summary>
internal static class PretrainCommand
{
    public static Command Create(Screen screen)
    {
        Argument<string> recipe = new("recipe")
        { Description = "A recipe file, or the name of one that comes with the program, such as mae-pretrain." };
        Option<string[]> set = new("--set")
        {
            Description = "Change a key of the recipe, for example --set pretraining.mask_ratio=0.6; may be given many times.",
            HelpName = "key=value",
        };
        Option<string> output = new("--output") { Description = "The run directory; runs/RECIPE if left out.", HelpName = "folder" };
        Option<bool> resume = new("--resume") { Description = "Go on with the run that is in the output folder." };
        Option<bool> overwrite = new("--overwrite") { Description = "Replace a run that is in the output folder." };
        Option<bool> json = CommonOptions.Json("Print one JSON line an epoch, and a last one with the outcome.");
        Option<int?> threads = CommonOptions.Threads();
        recipe.OfferRecipes();
        FileCommand command = new("pretrain", "Pre-train a backbone on pictures or clips without labels, by masking (MAE, "
            + "VideoMAE).") { recipe, set, output, resume, overwrite, threads, json };
        command.SetAction((parsed, cancellation) => Task.Run(() => Ranks.Run(screen, parsed.GetValue(threads), ranks =>
        {
            if (parsed.GetValue(resume) && parsed.GetValue(overwrite))
                throw new ArgumentException("pretrain: give --resume or --overwrite, not both.");
            string path = RecipeFiles.Find(parsed.GetValue(recipe)!);
            PretrainRecipe read = PretrainRecipe.Load(path, parsed.GetValue(set));
            string folder = parsed.GetValue(output) ?? Path.Combine("runs", Path.GetFileNameWithoutExtension(path));
            ExistingRun existing = parsed.GetValue(resume)
                ? ExistingRun.Resume : parsed.GetValue(overwrite) ? ExistingRun.Overwrite : ExistingRun.Refuse;
            RunView.Show<RunRecord>(screen, parsed.GetValue(json),
                report => PretrainingRun.Execute(read, folder, existing, report, ranks, cancellation));
            return 0;
        }), CancellationToken.None));
        DeviceChoice.AddTo(command);
        return command;
    }
}
