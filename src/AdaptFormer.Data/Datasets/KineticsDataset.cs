using System.Globalization;

namespace AdaptFormer.Data.Datasets;

/// <summary>
/// Kinetics-400, -600 and -700 (Kay et al. 2017) by their lists, <c>train.csv</c>, <c>val.csv</c> (or <c>validate.csv</c>) and
/// <c>test.csv</c> with the columns <c>label,youtube_id,time_start,time_end,split</c>, and the clips as crawlers name them:
/// <c>train/CLASS/ID_000012_000022.mp4</c>, or <c>ID.mp4</c>; the class folder may have underscores for blanks, or not be there. Classes
/// are the training list's, in ordinal order.
/// </summary>
public static class KineticsDataset
{
    private const int Probes = 100;
    private static readonly string[] Columns = ["label", "youtube_id", "time_start", "time_end"];

    private readonly record struct Entry(string Label, string Id, int Start, int End);

    /// <summary>The parts; the test list has labels in newer archives only.</summary>
    public static IReadOnlyList<string> Parts { get; } = ["train", "val", "test"];

    /// <summary>Reads the lists. No video is opened.</summary>
    /// <param name="folder">The folder of the lists, or with a folder <c>annotations</c> that holds them.</param>
    /// <param name="part">One of <see cref="Parts"/>.</param>
    /// <param name="root">Folder of the part's videos; that of the part's name in <paramref name="folder"/> if null.</param>
    /// <exception cref="FileNotFoundException">A list, or every video of it, is not there.</exception>
    /// <exception cref="InvalidDataException">A list is damaged, or has a class that the training list lacks.</exception>
    public static LabelledDataset Open(string folder, string part, string? root = null)
    {
        string list = Find(folder, part)
            ?? throw new FileNotFoundException($"There is no list '{Path.Combine(folder, $"{part}.csv")}'.", part);
        string videos = root ?? ClipLists.FirstFolder(
            Path.Combine(folder, part), part == "val" ? Path.Combine(folder, "validate") : null, Path.Combine(folder, "videos")) ?? folder;
        (int Line, Entry Entry)[] entries = [.. Read(list)];
        if (entries.Length == 0) throw new InvalidDataException($"{list} lists no clips.");
        IEnumerable<string> labels =
            (part != "train" && Find(folder, "train") is { } train ? Read(train).Select(e => e.Entry) : entries.Select(e => e.Entry))
                .Select(e => e.Label);
        string[] classes = [.. labels.Distinct().Order(StringComparer.Ordinal)];

        Func<Entry, string> name = Layout(videos, entries);
        ListBuilder clips = new(list, videos, "clips");
        foreach ((int line, Entry entry) in entries) clips.Add(line, name(entry), entry.Label);
        return ClipLists.Open(list, videos, clips.Items(classes));
    }

    /// <summary>How the clips are named: the way by which most of some entries are found.</summary>
    private static Func<Entry, string> Layout(string videos, (int, Entry Entry)[] entries)
    {
        Func<Entry, string>[] folders = [e => $"{e.Label}/", e => $"{e.Label.Replace(' ', '_')}/", _ => ""];
        Func<Entry, string>[] names =
            [e => string.Create(CultureInfo.InvariantCulture, $"{e.Id}_{e.Start:000000}_{e.End:000000}"), e => e.Id];
        int step = Math.Max(1, entries.Length / Probes);
        return folders.SelectMany(folder => names, (folder, name) => (Func<Entry, string>)(e => folder(e) + name(e)))
            .MaxBy(way => entries.Where((_, i) => i % step == 0)
                .Count(e => VideoFileDataset.Locate(Path.Combine(videos, way(e.Entry))) is not null))!;
    }

    private static IEnumerable<(int Line, Entry Entry)> Read(string list)
    {
        int[]? at = null;
        foreach ((int line, string[] fields) in CsvReader.Read(list))
        {
            if (at is null)
            {
                at = [.. Columns.Select(column => Array.FindIndex(fields, field => field.Trim() == column))];
                if (at.Contains(-1)) throw new InvalidDataException(
                    $"{list}: expected a first line with the columns {string.Join(", ", Columns)}; {Columns[Array.IndexOf(at, -1)]} is "
                        + $"missing.");
                continue;
            }

            if (fields.Length <= at.Max())
                throw new InvalidDataException($"{list}, line {line}: {fields.Length} columns, expected {string.Join(", ", Columns)}.");
            (string label, string id) = (fields[at[0]].Trim(), fields[at[1]].Trim());
            if (label.Length == 0 || label.Contains('/', StringComparison.Ordinal) || label is "." or "..")
                throw new InvalidDataException($"{list}, line {line}: the label '{label}' is not the name of a class.");
            if (id.Length == 0 || !id.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_'))
                throw new InvalidDataException($"{list}, line {line}: '{id}' is not the id of a video.");
            yield return (line, new Entry(label, id, Second(fields[at[2]], list, line), Second(fields[at[3]], list, line)));
        }
    }

    private static int Second(string text, string list, int line) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && value is >= 0 and < 1_000_000
        ? (int)value
        : throw new InvalidDataException($"{list}, line {line}: '{text}' is not a time in seconds.");

    private static string? Find(string folder, string part) =>
        new[] { folder, Path.Combine(folder, "annotations") }
            .SelectMany(place => part == "val" ? new[] { "val", "validate" } : [part], (place, name) => Path.Combine(place, $"{name}.csv"))
            .FirstOrDefault(File.Exists);
}
