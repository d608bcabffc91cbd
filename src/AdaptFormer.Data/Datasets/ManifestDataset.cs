using System.Globalization;

namespace AdaptFormer.Data;

/// <summary>
/// A CSV file with a path and a label a line, with or without a header. Relative paths count from the CSV's folder and must
/// stay inside it; absolute paths are taken as they are. Labels are class names, or whole numbers from 0.
/// </summary>
public sealed class ManifestDataset : ImageDataset
{
    private static readonly string[] PathColumns = ["path", "file", "filename", "file_name", "image", "image_path"];
    private static readonly string[] LabelColumns = ["label", "class", "class_name", "class_index", "category", "target"];

    private readonly string _csv, _root;
    private readonly string[] _names, _paths;
    private readonly int[] _labels;

    private ManifestDataset(string csv, string root, string[] names, string[] paths, int[] labels) =>
        (_csv, _root, _names, _paths, _labels) = (csv, root, names, paths, labels);

    /// <inheritdoc/>
    public override string Name => _csv;

    /// <inheritdoc/>
    public override int Count => _paths.Length;

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames => _names;

    /// <summary>Reads a manifest. No picture is opened.</summary>
    /// <param name="csv">The CSV file, UTF-8.</param>
    /// <param name="classNames">
    /// Classes that the labels refer to, for instance those of the training set. Null: the names that occur, in ordinal order; or
    /// 0 to the largest number that occurs.
    /// </param>
    /// <param name="labelColumn">Header of the label column if it is none of the usual ones (label, class, category, target…).</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">A line is malformed, a path leaves the folder, or a label is no class; the message gives the line.</exception>
    public static ManifestDataset Open(string csv, IReadOnlyList<string>? classNames = null, string? labelColumn = null)
    {
        if (!File.Exists(csv)) throw new FileNotFoundException($"There is no manifest '{csv}'; expected a CSV file with a path and a label a line.", csv);
        string root = Path.GetDirectoryName(Path.GetFullPath(csv))!;
        List<string> paths = [], labels = [];
        List<int> lines = [];
        (int pathColumn, int labelAt) = (0, 1);
        using StreamReader text = new(csv);
        bool first = true;
        foreach ((int line, string[] fields) in CsvReader.Read(text, csv))
        {
            if (first && Header(fields, labelColumn, csv) is { } columns)
            {
                (first, (pathColumn, labelAt)) = (false, columns);
                continue;
            }

            first = false;
            if (fields.Length <= Math.Max(pathColumn, labelAt))
                throw new InvalidDataException($"{csv}, line {line}: {fields.Length} fields; a path and a label are expected in columns {pathColumn + 1} and {labelAt + 1}.");
            paths.Add(Inside(root, fields[pathColumn].Trim(), csv, line));
            labels.Add(fields[labelAt].Trim());
            lines.Add(line);
        }

        if (paths.Count == 0) throw new InvalidDataException($"{csv} lists no pictures.");
        (string[] names, int[] numbers) = Number(labels, lines, classNames, csv);
        return new ManifestDataset(csv, root, names, [.. paths], numbers);
    }

    /// <inheritdoc/>
    public override int Label(int index) => _labels[index];

    /// <inheritdoc/>
    public override string Source(int index) => Path.Combine(_root, _paths[index]);

    /// <inheritdoc/>
    public override void Load(int index, ImageBuffer into) => ImageDecoder.Decode(Source(index), into);

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

    private static string Inside(string root, string path, string csv, int line)
    {
        if (path.Length == 0) throw new InvalidDataException($"{csv}, line {line}: the path is empty.");
        if (Path.IsPathRooted(path) || !path.Contains("..", StringComparison.Ordinal)) return path;
        string full = Path.GetFullPath(Path.Combine(root, path));
        return full.StartsWith(root.TrimEnd(Path.DirectorySeparatorChar) + Path.DirectorySeparatorChar, StringComparison.Ordinal)
            ? path
            : throw new InvalidDataException($"{csv}, line {line}: '{path}' leads out of the manifest's folder; write an absolute path if that is meant.");
    }

    private static (string[] Names, int[] Labels) Number(List<string> labels, List<int> lines, IReadOnlyList<string>? classNames, string csv)
    {
        bool numbers = labels.All(l => int.TryParse(l, NumberStyles.None, CultureInfo.InvariantCulture, out _));
        if (numbers && (classNames is null || !classNames.Contains(labels[0])))
        {
            int[] values = [.. labels.Select(l => int.Parse(l, NumberStyles.None, CultureInfo.InvariantCulture))];
            const int MostClasses = 1_000_000;
            int limit = classNames?.Count ?? MostClasses, wrong = Array.FindIndex(values, v => v >= limit);
            if (wrong >= 0) throw new InvalidDataException($"{csv}, line {lines[wrong]}: label {values[wrong]} is out of range; there are at most {limit} classes, counted from 0.");
            return ([.. classNames ?? [.. Enumerable.Range(0, values.Max() + 1).Select(i => i.ToString(CultureInfo.InvariantCulture))]], values);
        }

        string[] names = [.. classNames ?? [.. labels.Distinct().Order(StringComparer.Ordinal)]];
        Dictionary<string, int> index = names.Select((n, i) => (n, i)).ToDictionary(p => p.n, p => p.i, StringComparer.Ordinal);
        int[] result = new int[labels.Count];
        for (int i = 0; i < result.Length; i++)
        {
            if (!index.TryGetValue(labels[i], out result[i]))
                throw new InvalidDataException($"{csv}, line {lines[i]}: '{labels[i]}' is none of the {names.Length} classes ({string.Join(", ", names.Take(5))}{(names.Length > 5 ? "…" : "")}).");
        }

        return (names, result);
    }
}
