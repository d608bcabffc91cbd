using System.Text.Json;
using System.Text.Json.Serialization;
using AdaptFormer.Files;
using AdaptFormer.Runs.Recipes;

namespace AdaptFormer.Experiments;

/// <summary>A sweep as a JSON file: a recipe and what varies. Comments and trailing commas are allowed, unknown keys are not.</summary>
/// <param name="Recipe">The recipe that is varied: a file beside this one or from the current directory, or the name of one that comes with
/// the program.</param>
/// <param name="Set">Values that all combinations share.</param>
/// <param name="Grid">For each key its values.</param>
/// <param name="Random">For each key what its values are drawn from, for example <c>loguniform(0.01,0.3)</c>.</param>
/// <param name="Trials">Draws of the random keys.</param>
/// <param name="Groups">Parts with values and a grid of their own, beside the shared ones; one part without a name if left out.</param>
/// <param name="Seeds">Number of seeds, from the recipe's own on.</param>
/// <param name="Test">Which rows are scored on the test data at the end: <c>none</c>, <c>best</c> or <c>all</c>.</param>
/// <param name="Paper">Figures that the paper prints, by the row's name.</param>
public sealed record SweepFile(
    string Recipe,
    Dictionary<string, JsonElement>? Set = null,
    Dictionary<string, JsonElement[]>? Grid = null,
    Dictionary<string, string>? Random = null,
    int Trials = 1,
    SweepGroup[]? Groups = null,
    int Seeds = 1,
    TestRows Test = TestRows.Best,
    Dictionary<string, double>? Paper = null)
{
    /// <summary>Whether a file is a sweep and not a recipe.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static bool IsSweep(string path)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(RecipeText.Read(path), RecipeText.Options);
            return document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("recipe", out _);
        }
        catch (JsonException)
        {
            return false;       // reading it as a recipe says what is wrong
        }
    }

    /// <summary>Reads a sweep file.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="RecipeException">It is not valid.</exception>
    public static SweepFile Load(string path)
    {
        try
        {
            string json = RecipeText.Read(path);
            JsonText.RequireWhole(json, comments: true);
            SweepFile file = JsonSerializer.Deserialize(json, SweepJson.Default.SweepFile) ?? throw new JsonException("it is null");
            List<string> problems = [];
            if (file.Seeds < 1) problems.Add($"seeds is {file.Seeds}; expected at least 1");
            if ((file.Groups ?? []).Any(group => group is null)) problems.Add("a group is null; expected a section, { … }");
            IEnumerable<Dictionary<string, JsonElement[]>?> grids = [file.Grid, .. (file.Groups ?? []).Select(group => group?.Grid)];
            foreach (string key in grids.SelectMany(grid => grid ?? []).Where(axis => axis.Value is null).Select(axis => axis.Key))
                problems.Add($"grid.{key} is null; expected a list of values");
            foreach (string key in (file.Random ?? []).Where(axis => axis.Value is null).Select(axis => axis.Key))
                problems.Add($"random.{key} is null; expected a distribution such as uniform(0,1)");
            if (file.Trials < 1) problems.Add($"trials is {file.Trials}; expected at least 1");
            return problems.Count == 0 ? file : throw new RecipeException(path, problems);
        }
        catch (JsonException error)
        {
            throw new RecipeException(path, [$"not a valid sweep: {error.Message.TrimEnd('.')}"]);
        }
    }

    /// <summary>The rows of the sweep's table.</summary>
    /// <param name="recipe">The path of the recipe that <see cref="Recipe"/> names.</param>
    /// <param name="edits">Further edits of every recipe, such as <c>epochs=5</c>; they win over the file's own.</param>
    /// <exception cref="RecipeException">A combination makes no valid recipe.</exception>
    /// <exception cref="ArgumentException">A key is named twice.</exception>
    public IReadOnlyList<PlannedRow> Rows(string recipe, IReadOnlyList<string> edits)
    {
        List<PlannedRow> rows = [];
        foreach (SweepGroup group in Groups ?? [new SweepGroup()])
        {
            SearchSpace space = new(
                [.. Axes(Grid), .. Axes(group.Grid)],
                [.. (Random ?? []).Select(axis => new RandomAxis(axis.Key, Distribution.Parse(axis.Value, $"random {axis.Key}")))], Trials);
            IEnumerable<string> shared = [.. Edits(Set), .. Edits(group.Set), .. edits];
            rows.AddRange(SweepRows.Of(recipe, shared, space, group.Name)
                .Select(row => row with { Paper = Paper?.TryGetValue(row.Name, out double figure) == true ? figure : null }));
        }

        return rows;
    }

    private static IEnumerable<GridAxis> Axes(Dictionary<string, JsonElement[]>? grid) =>
        (grid ?? []).Select(axis => new GridAxis(axis.Key, [.. axis.Value.Select(Text)]));

    private static IEnumerable<string> Edits(Dictionary<string, JsonElement>? set) =>
        (set ?? []).Select(pair => $"{pair.Key}={Text(pair.Value)}");

    private static string Text(JsonElement value) => value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText();
}

/// <summary>A part of a sweep.</summary>
/// <param name="Name">Stands ahead of its rows' names.</param>
/// <param name="Set">Values that its combinations share.</param>
/// <param name="Grid">For each key its values.</param>
public sealed record SweepGroup(
    string? Name = null, Dictionary<string, JsonElement>? Set = null, Dictionary<string, JsonElement[]>? Grid = null);

/// <summary>From a search space to rows.</summary>
public static class SweepRows
{
    /// <summary>One row for each combination.</summary>
    /// <param name="recipe">The recipe file that is varied.</param>
    /// <param name="edits">Edits that all rows share.</param>
    /// <param name="space">What varies.</param>
    /// <param name="group">Stands ahead of the rows' names; null for nothing.</param>
    /// <exception cref="RecipeException">A combination makes no valid recipe.</exception>
    public static IReadOnlyList<PlannedRow> Of(string recipe, IEnumerable<string> edits, SearchSpace space, string? group = null) =>
    [
        .. space.Combinations().Select(settings => new PlannedRow(
            string.Join(", ", ((string?[])[group, settings.Count > 0 ? Setting.Describe([.. settings]) : null])
                .Where(part => part is not null).DefaultIfEmpty(Path.GetFileNameWithoutExtension(recipe))),
            [new Candidate(settings, Recipe.Load(recipe, [.. edits, .. settings.Select(setting => setting.ToString())]))])),
    ];
}

/// <summary>How sweep files are read.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    ReadCommentHandling = JsonCommentHandling.Skip,
    AllowTrailingCommas = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    AllowDuplicateProperties = false,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    Converters = [typeof(SnakeCaseEnum<TestRows>)])]
[JsonSerializable(typeof(SweepFile))]
internal sealed partial class SweepJson : JsonSerializerContext;
