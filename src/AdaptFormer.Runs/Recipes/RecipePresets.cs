using System.Text.Json;
using System.Text.Json.Nodes;
using AdaptFormer.Files;
using AdaptFormer.Models;
using AdaptFormer.Peft;

namespace AdaptFormer.Runs.Recipes;

/// <summary>
/// Expands <c>"tuning": { "preset": "paper" }</c> into the options that the name stands for. Keys written beside it win, and
/// the resolved recipe holds the options, not the name: a preset that changes cannot change an old run.
/// </summary>
internal static class RecipePresets
{
    private const string Key = "preset", Method = "method";

    /// <summary>Expands the preset of <paramref name="root"/>, if it has one.</summary>
    public static void Expand(JsonObject root, ICollection<string> problems)
    {
        if (root["tuning"] is not JsonObject tuning || !tuning.TryGetPropertyValue(Key, out JsonNode? preset)) return;
        string name = preset is JsonValue value && value.GetValueKind() == JsonValueKind.String
            ? value.GetValue<string>() : preset?.ToJsonString() ?? "null";
        tuning.Remove(Key);
        if (!AdaptFormerTuning.Presets.TryGetValue(name, out AdaptFormerTuning? options))
        {
            problems.Add(Spelling.Unknown($"tuning.{Key}", name, [.. AdaptFormerTuning.Presets.Keys]));
            return;
        }

        JsonObject expanded = JsonSerializer.SerializeToNode(options, JsonKinds.Info<Tuning>(RecipeJson.Default))!.AsObject();
        string own = expanded[Method]!.GetValue<string>();
        if (tuning[Method] is { } method && method.ToString() != own)
        {
            problems.Add($"tuning.{Key} '{name}' belongs to method '{own}', not '{method}'");
            return;
        }

        foreach ((string key, JsonNode? option) in expanded)
            if (!tuning.ContainsKey(key)) tuning[key] = option?.DeepClone();
    }
}
