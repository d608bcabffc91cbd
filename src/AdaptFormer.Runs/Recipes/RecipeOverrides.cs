using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using AdaptFormer.Files;

namespace AdaptFormer.Runs.Recipes;

/// <summary>
/// Edits to a recipe's tree, written <c>section.key=value</c>. A value is JSON (<c>32</c>, <c>true</c>, <c>null</c>,
/// <c>[0.5, 0.5, 0.5]</c>), or plain text where the recipe wants text. Naming another variant (<c>tuning.method=vpt</c>,
/// <c>optimizer.name=adamw</c>) starts that section anew, because options of one variant mean nothing to another; edits of its
/// other keys hold whatever their order.
/// </summary>
internal static class RecipeOverrides
{
    private const int MaxDepth = 16;
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    /// <summary>Applies <paramref name="edits"/> to <paramref name="root"/>; what cannot be applied becomes a problem.</summary>
    public static void Apply(JsonObject root, JsonTypeInfo schema, IEnumerable<string> edits, ICollection<string> problems)
    {
        List<(string[] Path, string Value)> parsed = [];
        foreach (string edit in edits)
        {
            int equals = edit.IndexOf('=', StringComparison.Ordinal);
            string[] path = equals > 0 ? edit[..equals].Trim().Split('.') : [];
            if (path.Length is 0 or > MaxDepth || path.Any(string.IsNullOrWhiteSpace))
                problems.Add($"--set {edit} is not an edit; expected key=value, for example tuning.bottleneck=32");
            else parsed.Add((path, edit[(equals + 1)..].Trim()));
        }

        // Stable: variants first, so that they do not wipe out edits of their own options.
        foreach ((string[] path, string value) in parsed.OrderBy(edit => IsVariant(root, schema, edit.Path) ? 0 : 1))
            Apply(root, schema, path, value, problems);
    }

    private static bool IsVariant(JsonObject root, JsonTypeInfo schema, string[] path) =>
        path.Length > 1 && RecipeSchema.Find(root, schema, path.AsSpan(0, path.Length - 1)) is { } section
            && RecipeSchema.Discriminator(section) == path[^1];

    private static void Apply(JsonObject root, JsonTypeInfo schema, string[] path, string value, ICollection<string> problems)
    {
        JsonObject section = root;
        for (int i = 0; i + 1 < path.Length; i++)
        {
            if (section[path[i]] is JsonObject next)
            {
                section = next;
            }
            else if (section[path[i]] is null)
            {
                section[path[i]] = section = MakeSection(section, path[i]);
            }
            else
            {
                problems.Add($"--set {string.Join('.', path)}: {string.Join('.', path[..(i + 1)])} is a value, not a section");
                return;
            }
        }

        JsonNode? node;
        try
        {
            node = Parse(value, RecipeSchema.Find(root, schema, path));
        }
        catch (InvalidDataException error)
        {
            problems.Add($"--set {string.Join('.', path)}: {error.Message}");
            return;
        }

        if (IsVariant(root, schema, path) && !JsonNode.DeepEquals(section[path[^1]], node)) section.Clear();
        section[path[^1]] = node;
    }

    private static JsonObject MakeSection(JsonObject parent, string key)
    {
        JsonObject made = [];
        parent[key] = made;
        return made;
    }

    private static JsonNode? Parse(string text, JsonTypeInfo? type)
    {
        bool wantsText = type is not null && (type.Type == typeof(string) || type.Type.IsEnum);
        if (wantsText && text != "null" && !text.StartsWith('"')) return JsonValue.Create(text);
        JsonNode? node;
        try
        {
            node = JsonNode.Parse(text, documentOptions: Strict);
        }
        catch (JsonException)
        {
            return JsonValue.Create(text);      // text without quotation marks
        }

        try
        {
            JsonText.RequireWhole(text);
            return node;
        }
        catch (JsonException error)
        {
            throw new InvalidDataException(error.Message.Split(". LineNumber:")[0], error);
        }
    }
}
