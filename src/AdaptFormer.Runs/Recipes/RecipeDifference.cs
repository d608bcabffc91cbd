using System.Text.Json.Nodes;

namespace AdaptFormer.Runs.Recipes;

/// <summary>Tells in which keys two recipes differ.</summary>
public static class RecipeDifference
{
    /// <summary>One entry a key, such as <c>tuning.bottleneck is 64 there and 32 here</c>; empty for equal recipes.</summary>
    public static IReadOnlyList<string> Between(Recipe there, Recipe here) => Between(there.ToJson(), here.ToJson());

    /// <summary>The same for two resolved recipes of any kind, as they were written.</summary>
    /// <param name="there">The one.</param>
    /// <param name="here">The other.</param>
    /// <param name="except">Keys at the top that may differ.</param>
    public static IReadOnlyList<string> Between(string there, string here, params ReadOnlySpan<string> except)
    {
        (JsonNode one, JsonNode other) = (JsonNode.Parse(there)!, JsonNode.Parse(here)!);
        foreach (string key in except)
        {
            one.AsObject().Remove(key);
            other.AsObject().Remove(key);
        }

        List<string> differences = [];
        Compare(one, other, "", differences);
        return differences;
    }

    /// <summary>A run cannot go on with a recipe that differs from its own.</summary>
    internal static ArgumentException Error(string folder, IReadOnlyList<string> differences) => new(
        $"{folder} was started with another recipe and cannot be resumed with this one: {string.Join("; ", differences)}. "
        + "Give the same recipe, with --set KEY=VALUE for what an earlier version of the program did otherwise, or another output folder.");

    private static void Compare(JsonNode? there, JsonNode? here, string path, List<string> differences)
    {
        if (there is JsonObject a && here is JsonObject b)
        {
            foreach (string key in a.Select(pair => pair.Key).Union(b.Select(pair => pair.Key)))
                Compare(a[key], b[key], path.Length == 0 ? key : $"{path}.{key}", differences);
        }
        else if (!JsonNode.DeepEquals(there, here))
        {
            differences.Add($"{path} is {there?.ToJsonString() ?? "null"} there and {here?.ToJsonString() ?? "null"} here");
        }
    }
}
