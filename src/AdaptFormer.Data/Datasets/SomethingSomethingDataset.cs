using System.Globalization;
using System.Text.Json;
using AdaptFormer.Files;

namespace AdaptFormer.Data.Datasets;

/// <summary>
/// Something-Something v2 (Goyal et al. 2017) as its owners publish it: <c>something-something-v2-train.json</c> and
/// <c>-validation.json</c> with an object <c>{"id": "78687", "template": "Holding [something] next to [something]", …}</c> for each
/// video, <c>-labels.json</c> with the number of each template, and the videos <c>20bn-something-something-v2/78687.webm</c>. The newer
/// archive calls the lists <c>labels/train.json</c> and so on. Videos may have been converted to another ending or to folders of frames.
/// </summary>
public static class SomethingSomethingDataset
{
    private const string Prefix = "something-something-v2-";

    /// <summary>The parts: 168,913 videos to train, 24,777 to validate, which is what papers score on. The test videos have no published
    /// labels.</summary>
    public static IReadOnlyList<string> Parts { get; } = ["train", "validation"];

    /// <summary>Reads the lists. No video is opened.</summary>
    /// <param name="folder">The folder that the archives are unpacked in.</param>
    /// <param name="part">One of <see cref="Parts"/>.</param>
    /// <param name="root">Folder of the videos; the usual one in <paramref name="folder"/> if null.</param>
    /// <exception cref="FileNotFoundException">A list, or every video, is not there.</exception>
    /// <exception cref="InvalidDataException">A list is damaged, or a template is none of the labels.</exception>
    public static LabelledDataset Open(string folder, string part, string? root = null)
    {
        string[] classes = Labels(Find(folder, "labels"));
        string list = Find(folder, part);
        string videos = root ?? ClipLists.FirstFolder(
            Path.Combine(folder, "20bn-something-something-v2"), Path.Combine(folder, "videos")) ?? folder;
        ListBuilder clips = new(list, videos, "clips");
        ReadOnlySpan<byte> json = Bytes(list);
        Utf8JsonReader reader = new(json);
        int line = 1, counted = 0;
        try
        {
            JsonText.RequireWhole(json);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartArray) throw new JsonException("expected an array of objects.");
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                line += json[counted..(int)reader.TokenStartIndex].Count((byte)'\n');
                counted = (int)reader.TokenStartIndex;
                using JsonDocument entry = JsonDocument.ParseValue(ref reader);
                string id = Text(entry.RootElement, "id", list, line), template = Text(entry.RootElement, "template", list, line);
                if (id.Length is 0 or > 20 || !id.All(char.IsAsciiDigit))
                    throw new InvalidDataException($"{list}, line {line}: the id '{id}' is not a number.");
                clips.Add(line, id, template.Replace("[", "", StringComparison.Ordinal).Replace("]", "", StringComparison.Ordinal));
            }
        }
        catch (JsonException error)
        {
            throw new InvalidDataException($"{list}, line {1 + (error.LineNumber ?? 0)}: {error.Message}", error);
        }

        return ClipLists.Open(list, videos, clips.Items(classes));
    }

    /// <summary>The class names by their numbers.</summary>
    private static string[] Labels(string file)
    {
        try
        {
            using JsonDocument json = JsonDocument.Parse(RegularFile.ReadAllBytes(file, "a list"));
            (string Name, string Number)[] labels =
                [.. json.RootElement.EnumerateObject().Select(label => (label.Name, label.Value.ToString()))];
            string?[] names = new string?[labels.Length];
            foreach ((string name, string text) in labels)
            {
                if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) || number >= names.Length
                    || names[number] is not null)
                    throw new InvalidDataException(
                        $"{file}: the number {text} of '{name}' is not one of its own in 0 to {names.Length - 1}.");
                names[number] = name;
            }

            return names.Length > 0 ? [.. names.Select(name => name!)] : throw new InvalidDataException($"{file} names no classes.");
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new InvalidDataException($"{file}: expected an object of templates and their numbers: {error.Message}", error);
        }
    }

    private static string Text(JsonElement entry, string key, string list, int line) =>
        entry.ValueKind == JsonValueKind.Object && entry.TryGetProperty(key, out JsonElement value)
            && value.ValueKind is JsonValueKind.String or JsonValueKind.Number
            ? value.ToString()
            : throw new InvalidDataException($"{list}, line {line}: expected an object with an id and a template; {key} is missing.");

    private static string Find(string folder, string name)
    {
        string usual = Path.Combine(folder, $"{Prefix}{name}.json");
        return Array.Find([usual, Path.Combine(folder, "annotations", $"{Prefix}{name}.json"),
            Path.Combine(folder, "labels", $"{name}.json")], File.Exists)
            ?? throw new FileNotFoundException($"There is no list '{usual}', nor labels/{name}.json there.", usual);
    }

    private static byte[] Bytes(string file)
    {
        byte[] bytes = RegularFile.ReadAllBytes(file, "a list");
        return bytes.AsSpan().StartsWith("\uFEFF"u8) ? bytes[3..] : bytes;
    }
}
