namespace AdaptFormer.Cli.Commands;

/// <summary>
/// Paths with <c>*</c> and <c>?</c> in their last part, as in <c>photos\*.jpg</c>: the shells of Linux and macOS put what matches in their
/// place before a program starts, those of Windows leave that to the program.
/// </summary>
internal static class PathPatterns
{
    private static readonly EnumerationOptions Matching = new() { AttributesToSkip = FileAttributes.Hidden, IgnoreInaccessible = false };

    /// <summary>The paths as they are and, in place of each pattern, what matches it in ordinal order. A path at which there is something
    /// is no pattern.</summary>
    /// <param name="paths">Paths and patterns.</param>
    /// <exception cref="FileNotFoundException">Nothing matches a pattern.</exception>
    public static IReadOnlyList<string> Expand(IEnumerable<string> paths) => [.. paths.SelectMany(Matches)];

    private static IEnumerable<string> Matches(string path)
    {
        (string folder, string last) = (Path.GetDirectoryName(path) ?? "", Path.GetFileName(path));
        bool isPattern = last.AsSpan().ContainsAny('*', '?') && !Path.Exists(path) && (folder.Length == 0 || Directory.Exists(folder));
        if (!isPattern) return [path];
        string[] found = [.. Directory.EnumerateFileSystemEntries(folder.Length == 0 ? "." : folder, last, Matching)
            .Select(entry => Path.Combine(folder, Path.GetFileName(entry))).Order(StringComparer.Ordinal)];
        return found.Length > 0 ? found : throw new FileNotFoundException($"Nothing matches '{path}'.", path);
    }
}
