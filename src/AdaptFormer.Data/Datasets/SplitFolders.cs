namespace AdaptFormer.Data.Datasets;

/// <summary>
/// Recognises a folder that is divided into parts: <c>train</c>, <c>valid</c> and <c>test</c> under their usual names, in upper or lower
/// case, with class folders in each.
/// </summary>
public static class SplitFolders
{
    /// <summary>The part that trains.</summary>
    public const string Train = "train";

    /// <summary>The part that chooses among epochs and settings.</summary>
    public const string Validation = "validation";

    /// <summary>The part that is scored at the end.</summary>
    public const string Test = "test";

    private static readonly Dictionary<string, string> Names = new()
    {
        ["train"] = Train,
        ["training"] = Train,
        ["valid"] = Validation,
        ["validation"] = Validation,
        ["validate"] = Validation,
        ["val"] = Validation,
        ["dev"] = Validation,
        ["test"] = Test,
        ["testing"] = Test,
        ["eval"] = Test,
        ["evaluation"] = Test,
    };

    private static readonly string[] Endings = ["set", "data", "images", "videos", "split"];

    /// <summary>The part that a folder's name means; null if it is none of the usual names.</summary>
    /// <param name="name">For example <c>Train</c>, <c>valid</c>, <c>test_set</c>.</param>
    public static string? PartOf(string name)
    {
        string letters = string.Concat(name.Where(char.IsAsciiLetter)).ToLowerInvariant();
        if (Names.TryGetValue(letters, out string? part)) return part;
        string? ending = Array.Find(Endings, ending => letters.EndsWith(ending, StringComparison.Ordinal));
        return ending is null ? null : Names.GetValueOrDefault(letters[..^ending.Length]);
    }

    /// <summary>The parts of a folder with their paths, in the order train, validation, test; empty if it is not divided, and its folders
    /// are classes.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="clips">Whether it has clips, whose class folders may hold a folder of frames for each.</param>
    /// <exception cref="InvalidDataException">Some of its folders are parts and others are classes, or two are the same part.</exception>
    public static IReadOnlyList<(string Part, string Path)> In(string folder, bool clips)
    {
        if (!Directory.Exists(folder)) return [];
        string[] names = VisibleFiles.Folders(folder), named = [.. names.Where(name => PartOf(name) is not null)];
        if (named.Length == 0) return [];
        bool all = named.Length == names.Length && named.Length > 1;
        string[] parts = all ? named : [.. named.Where(name => HasClassFolders(Path.Combine(folder, name), clips))];
        if (parts.Length == 0) return [];      // classes that happen to have such names: a train beside a car
        string[] others = [.. names.Except(parts).Where(name => HasItems(Path.Combine(folder, name), clips))];
        if (others.Length > 0)
        {
            throw new InvalidDataException(
                $"{folder}: {List(parts)} looks like a part of the data with class folders of its own, and {List(others)} beside it does "
                    + $"not. "
                + $"Name the folder that is meant (for example {Path.Combine(folder, parts[0])}), or move what does not belong to it. If "
                    + $"{parts[0]} is a class, put its files into it directly.");
        }

        IGrouping<string, string>? twice = parts.GroupBy(name => PartOf(name)!).FirstOrDefault(group => group.Count() > 1);
        if (twice is not null)
            throw new InvalidDataException($"{folder}: {List([.. twice])} are all the {twice.Key} part; name the one that is meant.");
        return [.. new[] { Train, Validation, Test }.SelectMany(
            part => parts.Where(name => PartOf(name) == part), (part, name) => (part, Path.Combine(folder, name)))];
    }

    /// <summary>The folder itself or, where it is divided, its training part, or the part that is scored: test, else validation.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="train">The training part rather than the scored one.</param>
    /// <param name="clips">Whether it has clips.</param>
    /// <exception cref="InvalidDataException">The part is not there, or the folder is divided only in part.</exception>
    public static string Choose(string folder, bool train, bool clips)
    {
        IReadOnlyList<(string Part, string Path)> parts = In(folder, clips);
        if (parts.Count == 0) return folder;
        return parts.LastOrDefault(part => part.Part == Train == train).Path
            ?? throw new InvalidDataException(
                $"{folder} has the parts {string.Join(", ", parts.Select(part => Path.GetFileName(part.Path)))} and none to "
                    + $"{(train ? "train on" : "test on")}.");
    }

    /// <summary>Whether items lie in folders of a folder, as in a part, and not in itself, as in a class.</summary>
    private static bool HasClassFolders(string folder, bool clips)
    {
        if (VisibleFiles.Files(folder).Any(file => IsItem(file, clips))) return false;
        foreach (string path in VisibleFiles.Folders(folder).Select(name => Path.Combine(folder, name)))
        {
            if (VisibleFiles.Files(path).Any(file => IsItem(file, clips))) return true;
            if (clips && VisibleFiles.FoldersBelow(path).Any(below => VisibleFiles.Files(below).Any(PictureFiles.IsPicture))) return true;
        }

        return false;
    }

    private static bool HasItems(string folder, bool clips) =>
        VisibleFiles.Below(folder).Any(file => IsItem(file, clips) || (clips && PictureFiles.IsPicture(file)));

    private static bool IsItem(string file, bool clips) => clips ? VideoFileDataset.IsVideo(file) : PictureFiles.IsPicture(file);

    private static string List(string[] names) => string.Join(", ", names.Take(8))
        + (names.Length > 8 ? $" and {names.Length - 8} more" : "");
}
