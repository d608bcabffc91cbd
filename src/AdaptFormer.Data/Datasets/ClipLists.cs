namespace AdaptFormer.Data.Datasets;

/// <summary>What kinds of clips have in common: a list of clips, and a folder that they lie in.</summary>
internal static class ClipLists
{
    /// <summary>The rule, for messages.</summary>
    public const string OneKind = "one list names videos, or folders of frames, and not both";

    /// <summary>The clips of a list, each a video file or a folder of frames; the endings of files may be left out of the list. None is
    /// opened.</summary>
    /// <param name="name">What the set is.</param>
    /// <param name="root">Folder that the paths are relative to.</param>
    /// <param name="items">The clips.</param>
    /// <param name="ranges">Positions of the first and last frame of each, where all are folders of frames; else null.</param>
    /// <exception cref="FileNotFoundException">Not one of them is there.</exception>
    public static ListedDataset Open(
        string name, string root, ListedItems items, IReadOnlyList<(int First, int? Last)>? ranges = null)
    {
        // The first clip that is there says what all of them are. One that is missing is found out when it is read, as with pictures.
        string? found = Enumerable.Range(0, items.Paths.Count).Select(i => VideoFileDataset.Locate(Path.Combine(root, items.Paths[i])))
            .FirstOrDefault(path => path is not null);
        if (found is null)
        {
            string sought = Path.Combine(root, items.Paths[0]);
            throw new FileNotFoundException(
                $"{name}: not one of its {items.Paths.Count} clips is there, neither as a video nor as a folder of frames; the first would "
                    + $"be {sought}. "
                + "Name the folder that the paths are relative to: data.clip.root in a recipe, --root on the command line.", sought);
        }

        return ranges is not null || Directory.Exists(found)
            ? new FrameFolderDataset(name, root, items, ranges)
            : new VideoFileDataset(name, root, items);
    }

    /// <summary>The first of some folders that is there.</summary>
    public static string? FirstFolder(params string?[] folders) => Array.Find(folders, Directory.Exists);

    /// <summary>The folder that a list's paths count from.</summary>
    /// <exception cref="FileNotFoundException">There is no such list.</exception>
    public static string FolderOf(string list, string? root) => File.Exists(list)
        ? root ?? Path.GetDirectoryName(Path.GetFullPath(list))!
        : throw new FileNotFoundException($"There is no list of clips '{list}'.", list);
}
