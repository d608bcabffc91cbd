namespace AdaptFormer.Models.Checkpoints;

/// <summary>
/// Weights that come with the program, as <c>shipped:NAME</c> where a path is expected: recipes that name them so work in any folder.
/// </summary>
public static class ShippedWeights
{
    /// <summary>What stands ahead of the name.</summary>
    public const string Scheme = "shipped:";

    private const string Folder = "Assets", Extension = ".safetensors";

    /// <summary>Whether <paramref name="path"/> means such weights.</summary>
    public static bool Means(string path) => path.StartsWith(Scheme, StringComparison.Ordinal);

    /// <summary>The file of such weights, beside the program.</summary>
    /// <param name="path">For example <c>shipped:demo_backbone</c>.</param>
    /// <exception cref="FileNotFoundException">None of that name came with the program.</exception>
    public static string Find(string path)
    {
        string folder = Path.Combine(AppContext.BaseDirectory, Folder), name = path[Scheme.Length..];
        string file = Path.Combine(folder, Path.GetFileName(name) + Extension);
        if (File.Exists(file)) return file;
        string[] known = Directory.Exists(folder) ? Directory.GetFiles(folder, $"*{Extension}") : [];
        IEnumerable<string?> names = known.Select(Path.GetFileNameWithoutExtension).Order(StringComparer.Ordinal);
        string there = known.Length > 0 ? $"known: {string.Join(", ", names)}" : $"there is no folder {folder}";
        throw new FileNotFoundException($"{path}: no such weights came with the program; {there}.", file);
    }
}
