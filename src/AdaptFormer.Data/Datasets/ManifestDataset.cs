namespace AdaptFormer.Data;

/// <summary>
/// A manifest: a CSV file with a path and a label a line, with or without a header, or a JSON Lines file with an object a line.
/// Several labels of a picture stand with <c>|</c> between them, or in a JSON array; a column <c>labels</c> may have none at all.
/// Relative paths count from the manifest's folder and must stay inside it; absolute paths are taken as they are. Labels are class
/// names, or whole numbers from 0.
/// </summary>
public sealed class ManifestDataset : ImageListDataset
{
    private const string SeveralColumn = JsonLinesManifest.SeveralKey;
    private static readonly string[] PathColumns = ["path", "file", "filename", "file_name", "image", "image_path"];
    private static readonly string[] LabelColumns = ["label", SeveralColumn, "class", "class_name", "class_index", "category", "target"];

    private ManifestDataset(string name, string root, IReadOnlyList<string> classNames, PathList paths, int[] labels, int[][]? sets = null)
        : base(name, root, classNames, paths, labels, sets)
    {
    }

    /// <summary>Extensions of JSON Lines files; every other manifest is read as CSV.</summary>
    public static IReadOnlyList<string> JsonLinesExtensions { get; } = [".jsonl", ".ndjson"];

    /// <summary>Reads a manifest. No picture is opened.</summary>
    /// <param name="file">The CSV or JSON Lines file, UTF-8.</param>
    /// <param name="classNames">
    /// Classes that the labels refer to, for instance those of the training set. Null: the names that occur, in ordinal order; or
    /// 0 to the largest number that occurs.
    /// </param>
    /// <param name="labelColumn">Header (or key) of the label if it is none of the usual ones (label, class, category, target…).</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">A line is malformed, a path leaves the folder, or a label is no class; the message gives the line.</exception>
    public static ManifestDataset Open(string file, IReadOnlyList<string>? classNames = null, string? labelColumn = null)
    {
        if (!File.Exists(file)) throw new FileNotFoundException($"There is no manifest '{file}'; expected a CSV or JSON Lines file with a path and a label a line.", file);
        string root = Path.GetDirectoryName(Path.GetFullPath(file))!;
        ListBuilder list = new(file, root);
        if (JsonLinesExtensions.Contains(Path.GetExtension(file).ToLowerInvariant())) JsonLinesManifest.Read(file, list, PathColumns, labelColumn is null ? LabelColumns : [labelColumn]);
        else ReadCsv(file, list, labelColumn);
        if (list.HasSeveral)
        {
            (IReadOnlyList<string> all, int[][] sets, int[] setOf) = list.FinishMultiLabel(classNames);
            return new ManifestDataset(file, root, all, list.Paths, setOf, sets);
        }

        (IReadOnlyList<string> names, int[] labels) = list.Finish(classNames);
        return new ManifestDataset(file, root, names, list.Paths, labels);
    }

    private static void ReadCsv(string csv, ListBuilder list, string? labelColumn)
    {
        (int pathColumn, int labelAt) = (0, 1);
        using StreamReader text = new(csv);
        bool first = true;
        foreach ((int line, string[] fields) in CsvReader.Read(text, csv))
        {
            if (first && Header(fields, labelColumn, csv) is { } columns)
            {
                (first, (pathColumn, labelAt)) = (false, columns);
                list.MultiLabel = fields[labelAt].Trim().Equals(SeveralColumn, StringComparison.OrdinalIgnoreCase);
                continue;
            }

            first = false;
            if (fields.Length <= Math.Max(pathColumn, labelAt))
                throw new InvalidDataException($"{csv}, line {line}: {fields.Length} fields; a path and a label are expected in columns {pathColumn + 1} and {labelAt + 1}.");
            list.Add(line, fields[pathColumn].AsSpan().Trim(), fields[labelAt].AsSpan().Trim());
        }
    }

    /// <summary>Positions of path and label if this first record is a header; null if it is data.</summary>
    private static (int Path, int Label)? Header(string[] fields, string? labelColumn, string csv)
    {
        string[] names = [.. fields.Select(f => f.Trim().ToLowerInvariant())];
        int path = Array.FindIndex(names, n => PathColumns.Contains(n));
        int label = labelColumn is null
            ? LabelColumns.Select(c => Array.IndexOf(names, c)).FirstOrDefault(i => i >= 0, -1)
            : Array.IndexOf(names, labelColumn.ToLowerInvariant());
        if (path >= 0 && label >= 0) return (path, label);
        if (labelColumn is null && path < 0) return null;
        throw new InvalidDataException($"{csv}: the header '{string.Join(",", fields)}' lacks a {(path < 0 ? $"path column ({string.Join(", ", PathColumns)})"
            : $"label column ({labelColumn ?? string.Join(", ", LabelColumns)})")}.");
    }
}
