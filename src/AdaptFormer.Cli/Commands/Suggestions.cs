using System.CommandLine;
using AdaptFormer.Models;
using AdaptFormer.Peft;

namespace AdaptFormer.Cli.Commands;

/// <summary>What a shell offers when a word is not finished: names that the program knows. Files are offered by the shell itself.</summary>
internal static class Suggestions
{
    /// <summary>Names of methods and of presets, as <c>--preset</c> and the like take them.</summary>
    public static IEnumerable<string> MethodsAndPresets => AdaptFormerTuning.Presets.Keys.Concat(Tuning.Methods).Distinct();

    extension<T>(Argument<T> argument)
    {
        /// <summary>Offers the recipes that come with the program. The help names the argument: it would list them all.</summary>
        public Argument<T> OfferRecipes()
        {
            argument.HelpName ??= argument.Name;
            argument.CompletionSources.Add(_ =>
                RecipeFiles.Shipped.Select(name => new System.CommandLine.Completions.CompletionItem(name)));
            return argument;
        }
    }

    extension<T>(Option<T> option)
    {
        /// <summary>Offers the ids of models.</summary>
        public Option<T> OfferModels() => option.Offer(ModelZoo.Ids, "id");

        /// <summary>Offers these words. The help would show all of them in place of the value; it shows
        /// <paramref name="valueName"/>.</summary>
        public Option<T> Offer(IEnumerable<string> words, string valueName)
        {
            option.HelpName ??= valueName;
            option.CompletionSources.Add(_ => words.Select(word => new System.CommandLine.Completions.CompletionItem(word)));
            return option;
        }
    }
}
