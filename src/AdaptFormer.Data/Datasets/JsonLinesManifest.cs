using System.Text.Json;
using AdaptFormer.Files;

namespace AdaptFormer.Data.Datasets;

/// <summary>Reads a manifest with a JSON object a line, such as <c>{"path": "a.jpg", "label": "cat"}</c>; other keys are passed
/// over.</summary>
internal static class JsonLinesManifest
{
    /// <summary>The key that may hold an array of labels.</summary>
    public const string SeveralKey = "labels";

    /// <exception cref="InvalidDataException">A line is no JSON object, or lacks path or label.</exception>
    public static void Read(string file, ListBuilder list, IReadOnlyList<string> pathKeys, IReadOnlyList<string> labelKeys)
    {
        int number = 0;
        foreach (string line in ListFile.AllLines(file))
        {
            number++;
            if (string.IsNullOrWhiteSpace(line)) continue;
            try
            {
                using JsonDocument json = JsonDocument.Parse(line);
                list.Add(number, Text(json.RootElement, pathKeys), Text(json.RootElement, labelKeys, list));
            }
            // the last: half a surrogate pair
            catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException)
            {
                throw new InvalidDataException($"{file}, line {number}: {JsonText.Explain(error)}.", error);
            }
        }
    }

    private static string Text(JsonElement line, IReadOnlyList<string> keys, ListBuilder? list = null)
    {
        if (line.ValueKind != JsonValueKind.Object) throw new KeyNotFoundException("expected a JSON object.");
        foreach (string key in keys)
        {
            if (!line.TryGetProperty(key, out JsonElement value)) continue;
            if (key == SeveralKey) list?.MultiLabel = true;
            return value.ValueKind switch
            {
                JsonValueKind.String => value.GetString()!.Trim(),
                JsonValueKind.Number => value.GetRawText(),
                JsonValueKind.Array when key == SeveralKey && list is not null => Several(value),
                _ => throw new KeyNotFoundException($"'{key}' is {value.ValueKind}; expected a text or a number."),
            };
        }

        throw new KeyNotFoundException($"none of the keys {string.Join(", ", keys)} is there.");
    }

    private static string Several(JsonElement labels) =>
        string.Join(ListBuilder.Separator,
            labels.EnumerateArray()
                .Select(label => label.ValueKind == JsonValueKind.String ? label.GetString()!.Trim() : label.GetRawText()));
}
