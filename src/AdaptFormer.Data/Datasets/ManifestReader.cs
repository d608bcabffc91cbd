namespace AdaptFormer.Data;

/// <summary>Reads manifests of pictures and of clips: CSV with a path and a label a line, with or without a header, or JSON Lines with an object a line.</summary>
internal static class ManifestReader
{
    private const string SeveralColumn = JsonLinesManifest.SeveralKey;
    private static readonly string[] PathColumns = ["path", "file", "filename", "file_name", "image", "image_path", "clip", "video", "video_path"];

    /// <summary>Columns that a label may stand in; the first that is there counts.</summary>
    public static IReadOnlyList<string> LabelColumns { get; } = ["label", SeveralColumn, "class", "class_name", "class_index", "category", "target"];

    /// <summary>Extensions of JSON Lines files; every other manifest is read as CSV.</summary>
    public static IReadOnlyList<string> JsonLinesExtensions { get; } = [".jsonl", ".ndjson"];

    /// <summary>Adds the lines of a manifest to a list.</summary>
    /// <param name="file">The CSV or JSON Lines file, UTF-8.</param>
    /// <param name="list">The list.</param>
    /// <param name="labelColumns">Headers (or keys) that the label may have.</param>
    /// <returns><paramref name="list"/>.</returns>
    /// <exception cref="InvalidDataException">A line is malformed, or a path leaves the folder; the message gives the line.</exception>
    public static ListBuilder Read(string file, ListBuilder list, IReadOnlyList<string> labelColumns)
    {
        if (JsonLinesExtensions.Contains(Path.GetExtension(file).ToLowerInvariant())) JsonLinesManifest.Read(file, list, PathColumns, labelColumns);
        else ReadCsv(file, list, labelColumns);
        return list;
    }

    private static void ReadCsv(string csv, ListBuilder list, IReadOnlyList<string> labelColumns)
    {
        (int pathColumn, int labelAt) = (0, 1);
        using StreamReader text = new(csv);
        bool first = true;
        foreach ((int line, string[] fields) in CsvReader.Read(text, csv))
        {
            if (first && Header(fields, labelColumns, csv) is { } columns)
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
    private static (int Path, int Label)? Header(string[] fields, IReadOnlyList<string> labelColumns, string csv)
    {
        string[] names = [.. fields.Select(f => f.Trim().ToLowerInvariant())];
        int path = Array.FindIndex(names, n => PathColumns.Contains(n));
        int label = labelColumns.Select(c => Array.IndexOf(names, c.ToLowerInvariant())).FirstOrDefault(i => i >= 0, -1);
        if (path >= 0 && label >= 0) return (path, label);
        if (labelColumns.Count > 1 && path < 0) return null;
        throw new InvalidDataException($"{csv}: the header '{string.Join(",", fields)}' lacks a {(path < 0 ? $"path column ({string.Join(", ", PathColumns)})"
            : $"label column ({string.Join(", ", labelColumns)})")}.");
    }
}
