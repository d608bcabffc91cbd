using System.Text;
using System.Text.Json.Nodes;
using AdaptFormer.Tensors;

namespace AdaptFormer.Tests.Support;

/// <summary>Damages JSON: mostly its values and keys, so that the damage reaches what reads them, and sometimes its bytes.</summary>
internal static class JsonDamage
{
    private const string Marker = "@@mutated@@";

    private static readonly string[] Values =
    [
        "null", "true", "false", "0", "-1", "1", "0.5", "2147483647", "2147483648", "-2147483648", "9223372036854775808", "1e308", "1e999", "-0.0", "1e-400",
        "\"\"", "\"\\ud800\"", "\"a\\udfffb\"", "\"\\u0000\"", "\"NaN\"", "\"Infinity\"", "\"../../x\"", "[]", "{}", "[null]", "[1,2,3]", "{\"a\":null}", "[[[[[[]]]]]]",
        "99999999999999999999", "\"\\u0000\\u001b[31m\"", "{\"\": null}", "[-1,0,1e30]", "{\"shortest_edge\": -5}", "{\"height\": 1e9, \"width\": 3}", "\"vit\"", "\"full\"",
        $"{new string('[', 70)}{new string(']', 70)}", $"\"{new string('x', 3000)}\"", "{\"name\":\"\\ud800\"}", "00", "nan", "",
    ];

    /// <summary>A damaged copy of <paramref name="seed"/>.</summary>
    public static byte[] Mutate(string seed, Rng rng)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(seed);
        for (int changes = 1 + rng.NextInt(3); changes > 0; changes--)
            bytes = rng.NextInt(4) == 0 ? ByteDamage.One(bytes, rng) : TreeOrBytes(bytes, rng);
        return bytes;
    }

    /// <summary>The same as text.</summary>
    public static string MutateText(string seed, Rng rng) => Encoding.UTF8.GetString(Mutate(seed, rng));

    private static byte[] TreeOrBytes(byte[] bytes, Rng rng)
    {
        try
        {
            return Tree(bytes, rng);
        }
        catch (Exception error) when (error is System.Text.Json.JsonException or ArgumentException or InvalidOperationException)
        {
            return ByteDamage.One(bytes, rng);       // it is too broken for that by now
        }
    }

    private static byte[] Tree(byte[] bytes, Rng rng)
    {
        JsonNode? root = JsonNode.Parse(bytes);
        List<(JsonNode Parent, string? Key, int Index)> places = [];
        Collect(root, places);
        if (places.Count == 0) return ByteDamage.One(bytes, rng);
        (JsonNode parent, string? key, int index) = places[rng.NextInt(places.Count)];
        string value = Values[rng.NextInt(Values.Length)];
        if (parent is not JsonObject section)
        {
            parent.AsArray()[index] = Marker;
            return Text(root!, value);
        }

        string old = section[key!]?.ToJsonString() ?? "null";
        switch (rng.NextInt(6))
        {
            case 0:
                section.Remove(key!);
                return Text(root!, value);
            case 1:
                section[key!] = Marker;
                return Text(root!, $"{old},{System.Text.Json.JsonSerializer.Serialize(key)}:{old}");        // twice
            case 2:
                section.Remove(key!);
                section[$"{key}x"] = Marker;
                return Text(root!, old);
            case 3:
                section[places[rng.NextInt(places.Count)].Key ?? "key"] = Marker;
                return Text(root!, old);
            default:
                section[key!] = Marker;
                return Text(root!, value);
        }
    }

    private static byte[] Text(JsonNode root, string value) => Encoding.UTF8.GetBytes(root.ToJsonString().Replace($"\"{Marker}\"", value, StringComparison.Ordinal));

    private static void Collect(JsonNode? node, List<(JsonNode, string?, int)> places)
    {
        if (node is JsonObject section)
        {
            foreach ((string key, JsonNode? value) in section)
            {
                places.Add((section, key, 0));
                Collect(value, places);
            }
        }
        else if (node is JsonArray list)
        {
            for (int i = 0; i < list.Count; i++)
            {
                places.Add((list, null, i));
                Collect(list[i], places);
            }
        }
    }
}
