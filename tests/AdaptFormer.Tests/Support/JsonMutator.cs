using System.Text.Json;
using System.Text.Json.Nodes;
using AdaptFormer.Tensors;

namespace AdaptFormer.Tests.Support;

/// <summary>Damages JSON where it hurts: values of other kinds and sizes, keys that are gone, doubled or new, text that is no text.</summary>
internal static class JsonMutator
{
    private const string HalfPair = "half-of-a-pair";      // put in at last: a JSON writer refuses it

    private static readonly string[] Values =
    [
        "null", "true", "-1", "0", "1e400", "-1e-400", "2147483647", "99999999999999999999", "0.5", "\"\"", $"\"{HalfPair}\"", "\"\\u0000\\u001b[31m\"", "[]", "{}", "[[]]",
        "[null]", "{\"\": null}", "[1,2,3,4]", "\"NaN\"", "[-1,0,1e30]", "{\"shortest_edge\": -5}", "{\"height\": 1e9, \"width\": 3}", "\"vit\"", "\"full\"",
    ];

    /// <summary>How many texts a test makes: a few, or as many as <c>ADAPTFORMER_FUZZ</c> says.</summary>
    public static int Count(int few) => int.TryParse(Environment.GetEnvironmentVariable("ADAPTFORMER_FUZZ"), out int many) ? Math.Max(few, many / 4) : few;

    /// <summary>A damaged copy of <paramref name="json"/>.</summary>
    public static string Mutate(string json, Rng rng)
    {
        if (rng.NextInt(12) == 0) return json[..rng.NextInt(json.Length)];
        JsonNode root = JsonNode.Parse(json)!;
        for (int change = 1 + rng.NextInt(3); change > 0; change--)
        {
            List<JsonNode> places = [];
            Collect(root, places);
            JsonNode place = places[rng.NextInt(places.Count)];
            if (place.Parent is null) continue;
            if (rng.NextInt(6) == 0 && place.Parent is JsonObject owner) owner.Remove(place.GetPropertyName());
            else place.ReplaceWith(JsonNode.Parse(Values[rng.NextInt(Values.Length)]));
        }

        string text = root.ToJsonString(new JsonSerializerOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }).Replace(HalfPair, "\\ud800", StringComparison.Ordinal);
        return rng.NextInt(8) == 0 && text.IndexOf('{') is >= 0 and int at ? $"{text[..(at + 1)]}{Doubled(text[(at + 1)..])}{text[(at + 1)..]}" : text;
    }

    // The first key once more, if the object has one.
    private static string Doubled(string inside)
    {
        int end = inside.IndexOf(':');
        return inside.StartsWith('"') && end > 0 ? $"{inside[..(end + 1)]}1," : "";
    }

    private static void Collect(JsonNode? node, List<JsonNode> places)
    {
        if (node is null) return;
        places.Add(node);
        if (node is JsonObject section) foreach ((_, JsonNode? child) in section) Collect(child, places);
        if (node is JsonArray list) foreach (JsonNode? child in list) Collect(child, places);
    }
}
