using AdaptFormer.Files;
using AdaptFormer.Runs.Recipes;

namespace AdaptFormer.Cli.Commands;

/// <summary>Finds the recipe that a command line names: a file, or one of those that lie beside the program.</summary>
internal static class RecipeFiles
{
    private const string Folder = "recipes", Sweeps = "sweeps", Extension = ".json";

    /// <summary>The names of the recipes that come with the program.</summary>
    public static IReadOnlyList<string> Shipped => Directory.Exists(ShippedFolder)
        ? [.. Directory.EnumerateFiles(ShippedFolder, $"*{Extension}").Select(file => Path.GetFileNameWithoutExtension(file))
            .Order(StringComparer.Ordinal)]
        : [];

    /// <summary>All that come with the program, sweeps too, with their files.</summary>
    public static IEnumerable<(string Name, string Path)> All
    {
        get
        {
            foreach (string name in Shipped) yield return (name, Path.Combine(ShippedFolder, name + Extension));
            string sweeps = Path.Combine(ShippedFolder, Sweeps);
            if (!Directory.Exists(sweeps)) yield break;
            foreach (string file in Directory.EnumerateFiles(sweeps, $"*{Extension}").Order(StringComparer.Ordinal))
                yield return ($"{Sweeps}/{Path.GetFileNameWithoutExtension(file)}", file);
        }
    }

    private static string ShippedFolder => Path.Combine(AppContext.BaseDirectory, Folder);

    /// <summary>Whether <paramref name="text"/>, where data may be named too, means a recipe: a JSON file, or the name of a shipped one
    /// that is no path.</summary>
    public static bool Means(string text) =>
        text.EndsWith(Extension, StringComparison.OrdinalIgnoreCase) || (!Path.Exists(text) && Shipped.Contains(text));

    /// <summary>The file that <paramref name="text"/> means.</summary>
    /// <param name="text">A path, or a shipped recipe as <c>image-folder</c>, <c>image-folder.json</c> or
    /// <c>recipes/image-folder.json</c>; a shipped sweep as <c>sweeps/scale</c>.</param>
    /// <exception cref="ArgumentException">There is none; the message says how to see those that come with the program.</exception>
    public static string Find(string text)
    {
        if (File.Exists(text)) return text;
        string name = Path.GetFileNameWithoutExtension(text);
        if (Path.GetDirectoryName(text) is "" or Folder && Shipped.Contains(name)) return Path.Combine(ShippedFolder, name + Extension);
        if (Path.GetDirectoryName(text) is Sweeps or $"{Folder}/{Sweeps}" && File.Exists(
            Path.Combine(ShippedFolder, Sweeps, name + Extension))) return Path.Combine(ShippedFolder, Sweeps, name + Extension);
        throw new ArgumentException(
            $"There is no recipe '{text}'{Meant(text)}: no such file, and none of that name comes with the program "
            + "(adaptformer recipes lists those that do).");
    }

    /// <summary>The shipped recipe whose name is nearest to a misspelt one, as a question in brackets; empty if none is near.</summary>
    public static string Meant(string text) =>
        Spelling.Nearest(Path.GetFileNameWithoutExtension(text), Shipped) is { } near ? $" (did you mean '{near}'?)" : "";
}
