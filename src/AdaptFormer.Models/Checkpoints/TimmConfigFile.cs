using System.Text.Json;

namespace AdaptFormer.Models.Checkpoints;

/// <summary>
/// Reads timm's <c>config.json</c>: which architecture it is, what pictures must look like (<c>pretrained_cfg</c>, or beside it in older
/// files) and its classes' names.
/// </summary>
internal static class TimmConfigFile
{
    private static readonly float[] ImageNetMean = [0.485f, 0.456f, 0.406f], ImageNetStd = [0.229f, 0.224f, 0.225f];

    /// <summary>Whether this is a configuration of timm's.</summary>
    public static bool Recognises(JsonElement config) => config.TryGetProperty("architecture", out _);

    /// <summary>The id in the <see cref="ModelZoo"/>; null if it has none.</summary>
    /// <exception cref="InvalidDataException">It names no architecture.</exception>
    public static string? Id(JsonElement config)
    {
        string architecture = config.GetProperty("architecture").GetString()
            ?? throw new InvalidDataException("architecture is null; expected the name of a model.");
        string tagged = Weights(config).TryGetProperty("tag", out JsonElement tag) ? $"{architecture}.{tag.GetString()}" : architecture;
        return ModelZoo.Contains(tagged) ? tagged : ModelZoo.Contains(architecture) ? architecture : null;
    }

    /// <summary>What pictures must look like; what the file leaves out is timm's default.</summary>
    /// <exception cref="InvalidDataException">It asks for what is not supported.</exception>
    public static Preprocessing Pictures(JsonElement config)
    {
        JsonElement weights = Weights(config);
        int side = 224;
        if (Given(weights, "input_size") is { } input)
        {
            (int channels, int height, int width) = (input[0].GetInt32(), input[1].GetInt32(), input[2].GetInt32());
            if (channels != 3 || height != width || height is < 1 or > 4096)
                throw new InvalidDataException(
                    $"input_size is {input.GetRawText()}; supported are squares of three channels, up to 4096 pixels.");
            side = height;
        }

        double part = Given(weights, "crop_pct")?.GetDouble() ?? 0.875;
        if (!(part is > 0 and <= 1)) throw new InvalidDataException($"crop_pct is {part}, expected a number in (0, 1].");
        string mode = Given(weights, "crop_mode")?.GetString() ?? "center";
        if (mode is not ("center" or "squash"))
            throw new InvalidDataException($"crop_mode '{mode}' is not supported; center and squash are.");
        Interpolation filter = ResamplingNames.Parse("interpolation", Given(weights, "interpolation")?.GetString() is { Length: > 0 } named
            ? named : "bicubic");
        float[] mean = Channels(weights, "mean") ?? ImageNetMean, std = Channels(weights, "std") ?? ImageNetStd;
        if (std.Any(value => !(value > 0))) throw new InvalidDataException("std must be three numbers above 0.");
        return new Preprocessing(
            side, new Rgb(mean[0], mean[1], mean[2]), new Rgb(std[0], std[1], std[2]), (int)Math.Floor(side / part), filter,
            Stretch: mode == "squash",
            Upright: true);
    }

    /// <summary>Names of the classes; null where the file has none.</summary>
    public static string[]? Labels(JsonElement config)
    {
        if (Given(config, "label_names") is not { } names)
            return Given(Weights(config), "label_names") is { ValueKind: JsonValueKind.Array } inner ? Texts(inner) : null;
        return names.ValueKind == JsonValueKind.Array ? Texts(names) : NumberedNames.Read(names);
    }

    private static string[] Texts(JsonElement list) =>
        [.. list.EnumerateArray().Select(name => name.GetString()
            ?? throw new InvalidDataException("label_names holds null; expected texts."))];

    private static JsonElement Weights(JsonElement config) =>
        config.TryGetProperty("pretrained_cfg", out JsonElement inner) && inner.ValueKind == JsonValueKind.Object ? inner : config;

    private static JsonElement? Given(JsonElement section, string name) =>
        section.TryGetProperty(name, out JsonElement value) && value.ValueKind is not (JsonValueKind.Null or JsonValueKind.Undefined)
            ? value : null;

    private static float[]? Channels(JsonElement section, string name) => Given(section, name) is not { } list ? null
        : list.GetArrayLength() == 3 ? [.. list.EnumerateArray().Select(value => value.GetSingle())]
        : throw new InvalidDataException($"{name}: three channels are expected, got {list.GetArrayLength()}.");
}

/// <summary>Names under their numbers, <c>{"0": "daisy", "1": "rose"}</c>, as configurations of models write them.</summary>
internal static class NumberedNames
{
    /// <summary>The names in the order of their numbers; null where a number is missing or a name says nothing but its number.</summary>
    public static string[]? Read(JsonElement names)
    {
        Dictionary<int, string> found = [];
        foreach (JsonProperty entry in names.EnumerateObject())
        {
            if (!int.TryParse(entry.Name, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture,
                out int number)) return null;
            if (entry.Value.ValueKind != JsonValueKind.String || !found.TryAdd(number, entry.Value.GetString()!)) return null;
        }

        if (found.Count == 0 || Enumerable.Range(0, found.Count).Any(k => !found.ContainsKey(k))) return null;
        string[] all = [.. Enumerable.Range(0, found.Count).Select(k => found[k])];
        return Enumerable.Range(0, all.Length).All(k => all[k] == $"LABEL_{k}") ? null : all;
    }
}
