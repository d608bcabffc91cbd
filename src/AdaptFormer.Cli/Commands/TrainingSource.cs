namespace AdaptFormer.Cli.Commands;

/// <summary>What a call trains: a recipe, or data that are all that was named, with the shipped recipe that fits them.</summary>
/// <param name="Name">What its run is called.</param>
/// <param name="Recipe">The recipe's file.</param>
/// <param name="Edits">Edits that come before those of the options.</param>
/// <param name="Notes">What was found and decided.</param>
/// <param name="IsData">Whether data were all that was named.</param>
internal sealed record TrainingSource(
    string Name, string Recipe, IReadOnlyList<string> Edits, IReadOnlyList<string> Notes, bool IsData = false)
{
    /// <summary>What a text names.</summary>
    /// <param name="what">A recipe's file or name, or a folder or list of data.</param>
    /// <param name="data">Data for the recipe, or on their own; those of the recipe if null.</param>
    /// <exception cref="ArgumentException">There is no such thing, or both name data.</exception>
    /// <exception cref="IOException">The data are not there.</exception>
    /// <exception cref="InvalidDataException">The folder is divided only in part.</exception>
    public static TrainingSource Of(string? what, string? data = null)
    {
        bool isData = what is not null && MeansData(what);
        if (isData && data is not null) throw new ArgumentException($"'{what}' are data, and --data names others; give one of them.");
        if (isData) (what, data) = (null, what);
        if (data is null && !isData && !RecipeFiles.Means(what!))
            throw new ArgumentException(
                $"There is no folder, list or recipe '{what}'{RecipeFiles.Meant(what!)}. Give a folder of pictures or clips that is "
                + "there, or a recipe (adaptformer recipes lists those that come with the program).");
        if (data is null) return OfRecipe(what!, [], []);

        DataRecipe found = DataRecipe.Of(data);
        return what is null
            ? new TrainingSource(
                Named(data), RecipeFiles.Find(found.Recipe), found.Edits, [.. found.Notes, $"recipe: {found.Recipe}"], IsData: true)
            : OfRecipe(what, found.Edits, found.Notes);
    }

    /// <summary>Whether a text names data rather than a recipe.</summary>
    public static bool MeansData(string text) =>
        !RecipeFiles.Means(text) && (Path.Exists(text) || text.Contains(':', StringComparison.Ordinal));

    /// <summary>A recipe's file or name, with edits.</summary>
    /// <exception cref="ArgumentException">There is no such recipe.</exception>
    public static TrainingSource OfRecipe(string text, IReadOnlyList<string> edits, IReadOnlyList<string> notes)
    {
        string path = RecipeFiles.Find(text);
        return new TrainingSource(Path.GetFileNameWithoutExtension(path), path, edits, notes);
    }

    // The folder's own name; of '.' and the like that of the folder that is meant.
    private static string Named(string data)
    {
        string path = data[(data.LastIndexOf(':') is > 1 and var at ? at + 1 : 0)..];
        string name = Path.GetFileNameWithoutExtension(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)));
        return name.Length == 0 ? "data" : name;
    }
}
