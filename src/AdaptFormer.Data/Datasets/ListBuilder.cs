using System.Globalization;

namespace AdaptFormer.Data.Datasets;

/// <summary>Collects the lines of a list of files. A label is kept as text once, however many lines have it.</summary>
/// <param name="file">The list, for messages.</param>
/// <param name="root">The folder that relative paths count from.</param>
/// <param name="what">What it lists, for messages.</param>
internal sealed class ListBuilder(string file, string root, string what = "pictures")
{
    /// <summary>More classes than this are a mistaken column.</summary>
    private const int MostClasses = 1_000_000;

    private readonly string _root = Path.GetFullPath(root);
    private readonly List<int> _labels = [], _firstLine = [];
    private readonly List<string> _texts = [];
    private int _backslashes;
    private readonly Dictionary<string, int> _numberOf = new(StringComparer.Ordinal);

    /// <summary>What stands between the labels of a picture that has several.</summary>
    public const char Separator = '|';

    /// <summary>Whether a picture may have several labels, or none: said beforehand, or seen in one of them.</summary>
    public bool MultiLabel { get; set; }

    /// <summary>The classes where the list has a column for each of them, in their order; else null.</summary>
    public IReadOnlyList<string>? Columns { get; set; }

    /// <summary>What was guessed, for people.</summary>
    public List<string> Notes { get; } = [];

    /// <summary>The paths so far.</summary>
    public PathList Paths { get; } = new();

    /// <summary>Adds a picture.</summary>
    /// <param name="line">Line of the list, from 1.</param>
    /// <param name="path">Its file, relative to the root and inside it, or absolute.</param>
    /// <param name="label">Its class, a name or a number, or several with <see cref="Separator"/> between them.</param>
    /// <exception cref="InvalidDataException">The path is empty or leads out of the root.</exception>
    public void Add(int line, ReadOnlySpan<char> path, ReadOnlySpan<char> label)
    {
        if (path.Contains('\\') && Path.DirectorySeparatorChar != '\\' && !Path.Exists(Path.Join(_root, path)))
        {
            path = path.ToString().Replace('\\', '/');
            _backslashes++;
        }

        RequireInside(path, line);
        Paths.Add(path);
        if (!_numberOf.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(label, out int number))
        {
            number = _texts.Count;
            _texts.Add(label.ToString());
            _firstLine.Add(line);
            _numberOf.Add(_texts[^1], number);
        }

        _labels.Add(number);
    }

    /// <summary>Whether there is a file or folder of this path, which may lack its ending.</summary>
    public bool IsThere(string path)
    {
        if (path.Length == 0) return false;
        string full = Path.Join(_root, Path.DirectorySeparatorChar == '\\' ? path : path.Replace('\\', '/'));
        return Path.Exists(full) || File.Exists(PictureFiles.Locate(full)) || VideoFileDataset.Locate(full) is not null;
    }

    /// <summary>All that was added.</summary>
    /// <param name="classNames">What the labels refer to; null: the names that occur, in ordinal order, or 0 to the largest number that
    /// occurs.</param>
    /// <exception cref="InvalidDataException">There are no lines, or a label is no class.</exception>
    public ListedItems Items(IReadOnlyList<string>? classNames)
    {
        classNames ??= Columns;
        if (_backslashes > 0) Notes.Add($"{file}: {_backslashes} paths have backslashes, which are read as slashes");
        if (HasSeveral)
        {
            (IReadOnlyList<string> all, int[][] sets, int[] setOf) = FinishMultiLabel(classNames);
            return new ListedItems(all, Paths, setOf, sets) { Notes = Notes };
        }

        (IReadOnlyList<string> names, int[] labels) = Finish(classNames);
        return new ListedItems(names, Paths, labels) { Notes = Notes };
    }

    /// <summary>The classes, every set of them that occurs, ascending, and the set of every line.</summary>
    /// <param name="classNames">As for the other.</param>
    /// <exception cref="InvalidDataException">There are no lines, or a label is no class.</exception>
    public (IReadOnlyList<string> ClassNames, int[][] Sets, int[] SetOf) FinishMultiLabel(IReadOnlyList<string>? classNames)
    {
        ListBuilder single = new(file, _root, what);
        string[][] parts = [.. _texts.Select(
            text => text.Split(Separator, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))];
        for (int i = 0; i < parts.Length; i++)
        {
            foreach (string part in parts[i]) single.Add(_firstLine[i], "-", part);
        }

        if (Paths.Count == 0 || single.Paths.Count == 0)
            throw new InvalidDataException($"{file} lists no {(Paths.Count == 0 ? what : "labels")}.");
        (IReadOnlyList<string> names, int[] classes) = single.Finish(classNames);
        int at = 0;
        int[][] sets = [.. parts.Select(part => part.Select(_ => classes[at++]).ToArray().Distinct().Order().ToArray())];
        return (names, sets, [.. _labels]);
    }

    /// <summary>Whether the labels name several classes for a picture.</summary>
    public bool HasSeveral => MultiLabel || _texts.Exists(text => text.Contains(Separator, StringComparison.Ordinal));

    /// <summary>The classes and the class of every line.</summary>
    /// <param name="classNames">What the labels refer to; null: the names that occur, in ordinal order, or 0 to the largest number that
    /// occurs.</param>
    /// <exception cref="InvalidDataException">There are no lines, or a label is no class.</exception>
    public (IReadOnlyList<string> ClassNames, int[] Labels) Finish(IReadOnlyList<string>? classNames)
    {
        if (Paths.Count == 0) throw new InvalidDataException($"{file} lists no {what}.");
        int empty = _texts.IndexOf("");
        if (empty >= 0) throw Bad(
            _firstLine[empty], "the label is empty; leave the line out (where items may have several labels or none, call the column "
                + "labels).");
        bool numbers = _texts.TrueForAll(text => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out _));
        (IReadOnlyList<string> names, int[] classOf) = numbers && (classNames is null || !classNames.Contains(_texts[0]))
            ? Numbers(classNames)
            : Names(classNames);
        int[] labels = new int[_labels.Count];
        for (int i = 0; i < labels.Length; i++) labels[i] = classOf[_labels[i]];
        return (names, labels);
    }

    private (IReadOnlyList<string> Names, int[] ClassOf) Numbers(IReadOnlyList<string>? classNames)
    {
        int[] classOf = [.. _texts.Select(text => int.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture))];
        int limit = classNames?.Count ?? MostClasses, wrong = Array.FindIndex(classOf, c => c >= limit);
        if (wrong >= 0) throw Bad(
            _firstLine[wrong], $"label {classOf[wrong]} is out of range; there are at most {limit} classes, counted from 0.");
        return (classNames ?? NumberNames(classOf.Max() + 1), classOf);
    }

    private (IReadOnlyList<string> Names, int[] ClassOf) Names(IReadOnlyList<string>? classNames)
    {
        IReadOnlyList<string> names = classNames ?? [.. _texts.Order(StringComparer.Ordinal)];
        Dictionary<string, int> index = new(StringComparer.Ordinal);
        for (int i = 0; i < names.Count; i++) index[names[i]] = i;
        int[] classOf = new int[_texts.Count];
        for (int i = 0; i < classOf.Length; i++)
        {
            if (!index.TryGetValue(_texts[i], out classOf[i]))
                throw Bad(_firstLine[i],
                    $"'{_texts[i]}' is none of the {names.Count} classes ({string.Join(", ", names.Take(5))}"
                        + $"{(names.Count > 5 ? "…" : "")}).");
        }

        return (names, classOf);
    }

    /// <summary>The names of classes that only have numbers.</summary>
    public static string[] NumberNames(int count) => [.. Enumerable.Range(0, count).Select(i => i.ToString(CultureInfo.InvariantCulture))];

    private void RequireInside(ReadOnlySpan<char> path, int line)
    {
        if (path.IsEmpty) throw Bad(line, "the path is empty.");
        if (Path.IsPathRooted(path) || !path.Contains("..", StringComparison.Ordinal)) return;
        string full = Path.GetFullPath(Path.Join(_root, path));
        if (!full.StartsWith(_root.TrimEnd(Path.DirectorySeparatorChar) + Path.DirectorySeparatorChar, StringComparison.Ordinal))
            throw Bad(line, $"'{path}' leads out of the list's folder; write an absolute path if that is meant.");
    }

    private InvalidDataException Bad(int line, string problem) => new($"{file}, line {line}: {problem}");
}
