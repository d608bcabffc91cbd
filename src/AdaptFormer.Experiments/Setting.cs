namespace AdaptFormer.Experiments;

/// <summary>A recipe key and the value that a trial gives it.</summary>
/// <param name="Key">The full key, for example <c>tuning.bottleneck</c>.</param>
/// <param name="Value">As it stands behind <c>--set key=</c>.</param>
public readonly record struct Setting(string Key, string Value)
{
    /// <summary>Reads <c>key=value</c>.</summary>
    /// <param name="text">The text.</param>
    /// <param name="option">The option that it was given to, for the message.</param>
    /// <exception cref="ArgumentException">It is none.</exception>
    public static Setting Parse(string text, string option)
    {
        int equals = text.IndexOf('=', StringComparison.Ordinal);
        string key = equals > 0 ? text[..equals].Trim() : "", value = equals > 0 ? text[(equals + 1)..].Trim() : "";
        return key.Length > 0 && value.Length > 0
            ? new Setting(key, value)
            : throw new ArgumentException($"{option} '{text}' is not of the form key=value, for example {option} tuning.bottleneck=…");
    }

    /// <summary>Names a combination for people: <c>bottleneck 4, scale 0.1</c>; the keys' last words, or whole keys where those would be
    /// ambiguous.</summary>
    public static string Describe(IReadOnlyCollection<Setting> settings)
    {
        bool clear = settings.Select(s => Last(s.Key)).Distinct().Count() == settings.Count;
        return string.Join(", ", settings.Select(s => $"{(clear ? Last(s.Key) : s.Key)} {s.Value}"));

        static string Last(string key) => key[(key.LastIndexOf('.') + 1)..];
    }

    /// <summary>The edit that <c>--set</c> takes.</summary>
    public override string ToString() => $"{Key}={Value}";
}
