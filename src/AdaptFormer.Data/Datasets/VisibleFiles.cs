namespace AdaptFormer.Data.Datasets;

/// <summary>
/// The files and folders below a folder of data, without those that operating systems, file servers and archives leave there: hidden ones
/// (<c>.DS_Store</c>, <c>._a.jpg</c>), <c>Thumbs.db</c>, <c>desktop.ini</c>, <c>@eaDir</c>, <c>__MACOSX</c> and the like. Links to
/// folders are followed, but for those that lead back to a folder that they lie in. Every reader lists folders here.
/// </summary>
internal static class VisibleFiles
{
    private const int MostDepth = 16;

    private static readonly HashSet<string> System = new(StringComparer.OrdinalIgnoreCase)
        { "thumbs.db", "ehthumbs.db", "desktop.ini", "@eaDir", "#recycle", "@Recycle", "__MACOSX", "$RECYCLE.BIN",
            "System Volume Information", "lost+found" };

    /// <summary>Whether a file or folder of this name is no data.</summary>
    /// <param name="name">The last part of its path.</param>
    public static bool IsHidden(ReadOnlySpan<char> name) => name.StartsWith('.')
        || System.GetAlternateLookup<ReadOnlySpan<char>>().Contains(name);

    /// <summary>The names of the folders in a folder, in ordinal order, without links that lead back.</summary>
    public static string[] Folders(string folder) =>
        [.. All(folder).Where(below => !LeadsBack(below)).Select(below => below.Name).Order(StringComparer.Ordinal)];

    /// <summary>The paths of the files in a folder, not below it, in no particular order.</summary>
    public static IEnumerable<string> Files(string folder) =>
        Directory.EnumerateFiles(folder).Where(path => !IsHidden(Path.GetFileName(path.AsSpan())));

    /// <summary>The paths of all files below a folder, those of a folder ahead of those of its folders; of each folder in ordinal
    /// order. Folders that are not gone into, as their links lead back or they lie too deep, are told like files.</summary>
    public static IEnumerable<string> Below(string folder) => Below(folder, 0);

    /// <summary>The paths of all folders below a folder, at any depth.</summary>
    public static IEnumerable<string> FoldersBelow(string folder) => FoldersBelow(folder, 0);

    private static IEnumerable<string> Below(string folder, int depth)
    {
        ILookup<bool, string> folders = All(folder).ToLookup(below => depth < MostDepth && !LeadsBack(below), below => below.Name);
        IEnumerable<string> here = Files(folder).Concat(folders[false].Select(name => Path.Combine(folder, name)));
        return here.Order(StringComparer.Ordinal)
            .Concat(folders[true].Order(StringComparer.Ordinal).SelectMany(name => Below(Path.Combine(folder, name), depth + 1)));
    }

    private static IEnumerable<DirectoryInfo> All(string folder) =>
        new DirectoryInfo(folder).EnumerateDirectories().Where(below => !IsHidden(below.Name));

    private static bool LeadsBack(DirectoryInfo folder) => folder.Attributes.HasFlag(FileAttributes.ReparsePoint)
        && folder.ResolveLinkTarget(returnFinalTarget: true) is { } target
        && WithSeparator(Real(folder.Parent!.FullName)).StartsWith(WithSeparator(Real(target.FullName)), StringComparison.Ordinal);

    private static string WithSeparator(string folder) => Path.TrimEndingDirectorySeparator(folder) + Path.DirectorySeparatorChar;

    /// <summary>A path without links on its way.</summary>
    private static string Real(string path)
    {
        if (Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(path)) is not { } parent) return path;
        string here = Path.Combine(Real(parent), Path.GetFileName(Path.TrimEndingDirectorySeparator(path)));
        return new DirectoryInfo(here).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? here;
    }

    private static IEnumerable<string> FoldersBelow(string folder, int depth) => depth == MostDepth
        ? []
        : Folders(folder).Select(name => Path.Combine(folder, name)).SelectMany(path => FoldersBelow(path, depth + 1).Prepend(path));
}
