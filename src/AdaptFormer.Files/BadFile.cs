namespace AdaptFormer.Files;

/// <summary>Errors about the content of a file: always <see cref="InvalidDataException"/>, always with path and key.</summary>
public static class BadFile
{
    /// <summary>An error about the file as a whole.</summary>
    public static InvalidDataException Error(string path, string problem) => new($"{path}: {problem}.");

    /// <summary>An error about one tensor or member of the file.</summary>
    public static InvalidDataException Error(string path, string key, string problem) => new($"{path}: '{Shorten(key)}': {problem}.");

    /// <summary>A name from a hostile file, fit for a message: short, without control characters.</summary>
    public static string Shorten(string name)
    {
        string shown = name.Length <= 120 ? name : string.Concat(name.AsSpan(0, 117), "...");
        return string.Create(shown.Length, shown, static (to, from) =>
        {
            for (int i = 0; i < to.Length; i++) to[i] = char.IsControl(from[i]) ? '?' : from[i];
        });
    }
}
