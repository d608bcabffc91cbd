namespace AdaptFormer.Data.Datasets;

/// <summary>Counts the files of a data set's folders that are not read, by their endings.</summary>
internal sealed class LeftOutFiles
{
    private const string Folder = "link to a folder above it, or folder too deep";

    private readonly SortedDictionary<string, int> _counts = new(StringComparer.Ordinal);

    /// <summary>How many there are of each ending, for instance <c>.heic</c>; the empty text stands for files without one.</summary>
    public IReadOnlyDictionary<string, int> Counts => _counts;

    /// <summary>Counts a file, or a folder that is not gone into.</summary>
    public void Add(string path)
    {
        string ending = Directory.Exists(path) ? Folder : Path.GetExtension(path).ToLowerInvariant();
        _counts[ending] = _counts.GetValueOrDefault(ending) + 1;
    }

    /// <summary>The counts in words, for example <c>3 files are left out: 2 .heic, 1 without an ending</c>; null if there are
    /// none.</summary>
    public static string? Text(IReadOnlyDictionary<string, int> counts)
    {
        if (counts.Count == 0) return null;
        int total = counts.Values.Sum();
        string kinds = string.Join(
            ", ", counts.OrderByDescending(pair => pair.Value)
                .Select(pair => $"{pair.Value} {(pair.Key.Length == 0 ? "without an ending" : pair.Key)}"));
        return $"{total} {(total == 1 ? "file is" : "files are")} left out: {kinds}";
    }
}
