namespace AdaptFormer.Data.Datasets;

/// <summary>
/// A manifest: a CSV file (comma, semicolon or tab) with a path and a label a line, with or without a header, or with a column of 0 and 1
/// for each class; a JSON Lines file with an object a line; or plain text with a path, a blank and a label a line.
/// Several labels of a picture stand with <c>|</c> between them, or in a JSON array; a column <c>labels</c> may have none at all.
/// Relative paths count from the manifest's folder and must stay inside it; absolute paths are taken as they are. Labels are class
/// names, or whole numbers from 0.
/// </summary>
public sealed class ManifestDataset : ImageListDataset
{
    private ManifestDataset(string name, string root, ListedItems items)
        : base(name, root, items)
    {
    }

    /// <summary>Extensions of JSON Lines files; every other manifest is read as CSV.</summary>
    public static IReadOnlyList<string> JsonLinesExtensions => ManifestReader.JsonLinesExtensions;

    /// <summary>Reads a manifest. No picture is opened.</summary>
    /// <param name="file">The CSV or JSON Lines file, UTF-8.</param>
    /// <param name="classNames">
    /// Classes that the labels refer to, for instance those of the training set. Null: the names that occur, in ordinal order; or
    /// 0 to the largest number that occurs.
    /// </param>
    /// <param name="labelColumn">Header (or key) of the label if it is none of the usual ones (label, class, category, target…).</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">A line is malformed, a path leaves the folder, or a label is no class; the message gives the
    /// line.</exception>
    public static ManifestDataset Open(string file, IReadOnlyList<string>? classNames = null, string? labelColumn = null)
    {
        if (!File.Exists(file))
            throw new FileNotFoundException(
                $"There is no manifest '{file}'; expected a CSV or JSON Lines file with a path and a label a line.", file);
        string root = Path.GetDirectoryName(Path.GetFullPath(file))!;
        return new ManifestDataset(
            file, root, ManifestReader.Read(
                file, new ListBuilder(file, root), labelColumn is null ? ManifestReader.LabelColumns : [labelColumn]).Items(classNames));
    }
}
