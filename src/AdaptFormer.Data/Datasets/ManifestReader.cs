namespace AdaptFormer.Data.Datasets;

/// <summary>
/// Reads manifests of pictures and of clips: CSV (comma, semicolon or tab) with a path and a label a line or a column for each class, with
/// or without a header; JSON Lines with an object a line; plain text with a path, a blank and a label.
/// </summary>
internal static class ManifestReader
{
    private const string SeveralColumn = JsonLinesManifest.SeveralKey;

    private static readonly string[] PathColumns =
    [
        "path", "file", "filename", "file_name", "filepath", "file_path", "image", "image_path", "image_id", "image_name", "image_file",
            "img", "img_path", "img_id", "img_name",
        "picture", "photo", "clip", "video", "video_path", "video_name", "video_id", "id_code", "fname", "id", "name",
    ];

    private static readonly string[] NoLabels = ["split", "set", "subset", "part", "fold", "width", "height", "size", "bbox", "url"];

    /// <summary>Columns that a label may stand in; the first that is there counts.</summary>
    public static IReadOnlyList<string> LabelColumns { get; } =
        ["label", SeveralColumn, "class", "class_name", "class_index", "category", "target", "class_id", "label_name", "label_id",
            "category_id", "diagnosis", "species", "breed", "y"];

    /// <summary>Extensions of JSON Lines files; every other manifest is read as CSV.</summary>
    public static IReadOnlyList<string> JsonLinesExtensions { get; } = [".jsonl", ".ndjson"];

    /// <summary>Adds the lines of a manifest to a list.</summary>
    /// <param name="file">The file, UTF-8.</param>
    /// <param name="list">The list.</param>
    /// <param name="labelColumns">Headers (or keys) that the label may have.</param>
    /// <returns><paramref name="list"/>.</returns>
    /// <exception cref="InvalidDataException">A line is malformed, or a path leaves the folder; the message gives the line.</exception>
    public static ListBuilder Read(string file, ListBuilder list, IReadOnlyList<string> labelColumns)
    {
        string ending = Path.GetExtension(file).ToLowerInvariant();
        if (JsonLinesExtensions.Contains(ending))
            JsonLinesManifest.Read(file, list, PathColumns, labelColumns);
        else if (CsvReader.SeparatorOf(file) is { } separator)
            ReadCsv(file, separator, list, labelColumns);
        else if (ending is ".txt" or ".lst")
            ReadText(file, list);
        else
            ReadCsv(file, ending == ".tsv" ? '\t' : ',', list, labelColumns);
        return list;
    }

    /// <summary>Adds the lines of a text with a path, a blank and a label a line.</summary>
    /// <exception cref="InvalidDataException">A line is malformed.</exception>
    public static void ReadText(string file, ListBuilder list)
    {
        foreach ((int line, string text) in ListFile.Lines(file))
        {
            (string path, string label) = ListFile.PathAndLabel(file, line, text);
            list.Add(line, path, label);
        }
    }

    private static void ReadCsv(string csv, char separator, ListBuilder list, IReadOnlyList<string> labelColumns)
    {
        IEnumerable<(int Line, string[] Fields)> records =
            // Excel leaves rows of separators behind
            CsvReader.Read(csv, separator).Where(record => !Array.TrueForAll(record.Fields, string.IsNullOrWhiteSpace));
        string[][] start = [.. records.Take(2).Select(record => record.Fields)];
        if (start.Length == 0) return;
        Header header = Header.Of(start, labelColumns, csv, list);
        if (header.Classes.Length > 0)
        {
            ReadColumns(csv, records.Skip(1), list, header);
            return;
        }

        list.MultiLabel = header.Label is { } several && start[0][several].Trim().Equals(SeveralColumn, StringComparison.OrdinalIgnoreCase);
        int label = header.Label ?? 1;
        foreach ((int line, string[] fields) in header.Label is null ? records : records.Skip(1))
        {
            if (fields.Length <= Math.Max(header.Path, label))
            {
                throw new InvalidDataException(
                    $"{csv}, line {line}: {fields.Length} {(fields.Length == 1 ? "field" : "fields")}, divided by {Name(separator)}; "
                    + $"a path and a label are expected in columns {header.Path + 1} and {label + 1}. All lines need the same separator: "
                        + $"comma, semicolon or tab.");
            }

            list.Add(line, fields[header.Path].AsSpan().Trim(), fields[label].AsSpan().Trim());
        }
    }

    /// <summary>A column for each class, with 0 or 1: the classes of a picture, and its only class where every line has exactly one
    /// 1.</summary>
    private static void ReadColumns(string csv, IEnumerable<(int Line, string[] Fields)> records, ListBuilder list, Header header)
    {
        List<string> has = [];
        foreach ((int line, string[] fields) in records)
        {
            if (fields.Length <= header.Classes.Max(c => c.Column))
                throw new InvalidDataException($"{csv}, line {line}: {fields.Length} fields, fewer than the header has.");
            has.Clear();
            foreach ((int column, string name) in header.Classes)
            {
                if (IsMark(fields[column]) is not { } mark)
                    throw new InvalidDataException(
                        $"{csv}, line {line}: '{fields[column].Trim()}' in the column of the class {name}; 0 or 1 is expected in a column "
                            + $"for each class.");
                if (mark) has.Add(name);
            }

            if (has.Count != 1) list.MultiLabel = true;
            list.Add(line, fields[header.Path].AsSpan().Trim(), string.Join(ListBuilder.Separator, has));
        }

        list.Columns = [.. header.Classes.Select(c => c.Name)];
    }

    private static bool? IsMark(string field) => field.Trim() switch
    {
        "1" or "1.0" => true,
        "0" or "0.0" => false,
        _ => null,
    };

    private static string Name(char separator) => separator switch { ',' => "commas", ';' => "semicolons", _ => "tabs" };

    /// <summary>What the first line says.</summary>
    /// <param name="Path">Column of the path.</param>
    /// <param name="Label">Column of the label; null where there is no header, or a column for each class.</param>
    /// <param name="Classes">The columns of the classes; empty where the label has one column.</param>
    private sealed record Header(int Path, int? Label, (int Column, string Name)[] Classes)
    {
        /// <summary>Takes the first line for a header by its words, or because the second line's path is there and its own is
        /// not.</summary>
        public static Header Of(string[][] start, IReadOnlyList<string> labelColumns, string csv, ListBuilder list)
        {
            string[] names = [.. start[0].Select(field => field.Trim().ToLowerInvariant())];
            int path = PathColumns.Select(column => Array.IndexOf(names, column)).FirstOrDefault(at => at >= 0, -1);
            int label = labelColumns.Select(column => Array.IndexOf(names, column.ToLowerInvariant())).FirstOrDefault(at => at >= 0, -1);
            if (start[0].Any(field => list.IsThere(field.Trim()))) return Named(labelColumns) ? new Header(0, null, []) : throw Lacks();
            if (path >= 0 && label >= 0) return new Header(path, label, []);
            if (start.Length > 1 && start[1].Length == names.Length)
            {
                int found = path >= 0 ? path : Array.FindIndex(start[1], field => list.IsThere(field.Trim()));
                bool header = path >= 0 || (found >= 0 && LooksLikeAWord(names[found]));
                if (header && path < 0) list.Notes.Add($"{csv}: the first line, '{string.Join(",", start[0])}', is taken for a header");
                int[] others = [.. Enumerable.Range(0, names.Length).Where(at => at != found)];
                if (header && label < 0 && others.Length > 1 && Named(labelColumns)
                    && Array.TrueForAll(others, at => IsMark(start[1][at]) is not null))
                    return new Header(found, null, [.. others.Select(at => (at, start[0][at].Trim()))]);
                if (header && label < 0 && others.Length == 1 && Named(labelColumns) && !NoLabels.Contains(names[others[0]]))
                {
                    label = others[0];
                    list.Notes.Add($"{csv}: the label is taken from the column '{start[0][label].Trim()}'");
                }

                if (header && label >= 0) return new Header(found, label, []);
                path = header ? found : path;
            }

            return Named(labelColumns) && path < 0 ? new Header(0, null, []) : throw Lacks();

            InvalidDataException Lacks() => new($"{csv}: the header '{string.Join(",", start[0])}' lacks a {(path < 0
                ? $"path column ({string.Join(", ", PathColumns)})"
                : $"label column ({string.Join(", ", labelColumns)}), or a column of 0 and 1 for each class")}.");
        }

        /// <summary>Whether a field is the name of a column rather than the path of an item.</summary>
        private static bool LooksLikeAWord(string field) => field.Length > 0 && field.All(c => char.IsLetter(c) || c is '_' or ' ' or '-')
            && char.IsLetter(field[0]);

        /// <summary>Whether the label may have any of the usual names; otherwise one was asked for.</summary>
        private static bool Named(IReadOnlyList<string> labelColumns) => labelColumns.Count > 1;
    }
}
