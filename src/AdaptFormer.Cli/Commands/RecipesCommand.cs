using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using AdaptFormer.Cli.Output;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Runs.Recipes;

namespace AdaptFormer.Cli.Commands;

/// <summary>A recipe that comes with the program, as <c>recipes</c> lists it.</summary>
/// <param name="Name">What commands call it.</param>
/// <param name="Command">The command that takes it: <c>train</c>, <c>pretrain</c> or <c>sweep</c>.</param>
/// <param name="About">What it is, in a sentence or two.</param>
/// <param name="Model">The model's id; null for a sweep.</param>
/// <param name="Method">The method; null where there is none.</param>
/// <param name="Weights">The weights that it starts from; null for random numbers, or for a sweep.</param>
/// <param name="Data">The data that it trains on; null for a sweep.</param>
/// <param name="Recipe">The recipe that a sweep varies; else null.</param>
internal sealed record ListedRecipe(
    string Name, string Command, string About, string? Model, string? Method, string? Weights, string? Data, string? Recipe)
{
    /// <summary>What has to be there before it runs, for people.</summary>
    [JsonIgnore]
    public string Needs => Recipe is not null ? $"what {Recipe} needs"
        : string.Join("; ", ((string?[])[IsShipped ? null : Weights, IsDrawn ? null : Data]).OfType<string>()) is { Length: > 0 } needs
            ? needs
        : "nothing";

    private bool IsShipped => Weights is { } weights && ShippedWeights.Means(weights);

    // Data that the program draws are written as numbers: 2000:11:32.
    private bool IsDrawn => Data is { Length: > 0 } data && data.All(c => char.IsAsciiDigit(c) || c == ':');

    /// <summary>Reads one.</summary>
    public static ListedRecipe Read(string name, string path)
    {
        string text = RecipeText.Read(path);
        JsonNode root = JsonNode.Parse(text, documentOptions: RecipeText.Options)!;
        string command = root["grid"] is not null || root["recipe"] is not null ? "sweep"
            : root["pretraining"] is not null ? "pretrain"
            : "train";
        return new ListedRecipe(
            name, command, FirstSentences(text), Text(root["model"]?["name"]), Text(root["tuning"]?["method"]),
            Text(root["model"]?["weights"]),
            Text(root["data"]?["train"]), Text(root["recipe"]));
    }

    // The comment at the top, up to the line that ends a sentence: what follows are commands and details.
    private static string FirstSentences(string text)
    {
        List<string> lines = [];
        foreach (string line in text.Split('\n').TakeWhile(line => line.StartsWith("//", StringComparison.Ordinal)))
        {
            lines.Add(line.Trim('/', ' ', '\r'));
            if (lines[^1] is [.., '.' or ':']) break;
        }

        return string.Join(' ', lines).TrimEnd(':');
    }

    private static string? Text(JsonNode? node) =>
        node is JsonValue value && value.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : null;
}

/// <summary><c>adaptformer recipes</c>: the recipes that come with the program, a line each.</summary>
internal static class RecipesCommand
{
    public static Command Create(Screen screen)
    {
        Option<bool> json = CommonOptions.Json("Print one JSON line a recipe.");
        Command command = new("recipes", "List the recipes that come with the program: what each is and what it needs.") { json };
        command.SetAction(parsed =>
        {
            ListedRecipe[] recipes = [.. RecipeFiles.All.Select(entry => ListedRecipe.Read(entry.Name, entry.Path))];
            if (parsed.GetValue(json))
            {
                foreach (ListedRecipe recipe in recipes)
                    screen.Json(JsonSerializer.Serialize(recipe, ListedRecipeJson.Default.ListedRecipe));
                return 0;
            }

            Table table = new("recipe", "what it is", "needs");
            foreach (ListedRecipe recipe in recipes) table.Add(recipe.Name, recipe.About, recipe.Needs);
            screen.Write(table);
            screen.Line("A path is a default that --set data.train=PATH, --data PATH and --weights FILE change; hub: weights are fetched.");
            return 0;
        });
        return command;
    }
}

/// <summary>How they are written for scripts.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(ListedRecipe))]
internal sealed partial class ListedRecipeJson : JsonSerializerContext;
