namespace AdaptFormer.Data.Datasets;

/// <summary>
/// A folder with one subfolder per class: of pictures (<c>root/cat/1.jpg</c>, <c>root/dog/a/2.png</c>), of videos, or of a folder of frames
/// for each clip. Classes are the subfolders' names in ordinal order, items lie at any depth below them and come in ordinal order of their
/// paths.
/// </summary>
internal static class ClassFolders
{
    private enum Kind
    {
        Pictures,
        Videos,
        Frames,
    }

    /// <summary>Lists a folder. No item is opened.</summary>
    /// <param name="root">The folder that holds the class folders.</param>
    /// <param name="clips">Whether the items are clips.</param>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="InvalidDataException">There are no class folders, some have no items, or some have videos and some folders of
    /// frames; the message names those.</exception>
    public static ListedDataset Open(string root, bool clips)
    {
        string things = clips ? "clips" : "pictures";
        if (!Directory.Exists(root))
            throw new DirectoryNotFoundException(
                $"There is no folder '{root}'; expected one that holds a folder of {things} for each class.");
        string[] names = VisibleFiles.Folders(root);
        if (names.Length == 0)
            throw new InvalidDataException(
                $"{root}: expected one folder of {things} for each class, such as {Path.Combine(root, "cat", clips ? "1.mp4" : "1.jpg")}; "
                    + $"found no folders.");
        PathList paths = new();
        List<string> empty = [];
        List<int> labels = [];
        LeftOutFiles leftOut = new();
        foreach (string file in VisibleFiles.Files(root)) leftOut.Add(file);
        Kind? all = clips ? null : Kind.Pictures;
        for (int label = 0; label < names.Length; label++)
        {
            string folder = Path.Combine(root, names[label]);
            string[] files = [.. VisibleFiles.Below(folder)];
            Kind kind = !clips ? Kind.Pictures : Array.Exists(files, VideoFileDataset.IsVideo) ? Kind.Videos : Kind.Frames;
            string[] items = Items(kind, folder, files);
            if (items.Length == 0)
            {
                empty.Add(names[label]);
                continue;
            }

            if (kind != (all ??= kind))
                throw new InvalidDataException(
                    $"{root}: {names[Array.FindIndex(names, n => !empty.Contains(n))]} has {Name(all.Value)} and {names[label]} "
                        + $"{Name(kind)}; all must be of one kind.");
            foreach (string file in files.Where(file => !IsRead(kind, file))) leftOut.Add(file);
            foreach (string item in items.Order(StringComparer.Ordinal))
            {
                paths.Add(Path.GetRelativePath(root, item));
                labels.Add(label);
            }
        }

        if (empty.Count > 0)
        {
            string expected = clips
                ? $"videos ({string.Join(" ", VideoFileDataset.Extensions)}) or folders of frames"
                : string.Join(" ", PictureFiles.Endings);
            throw new InvalidDataException($"{root}: no {things} in class folder {string.Join(", ", empty.Take(12))}"
                + $"{(empty.Count > 12 ? $" and {empty.Count - 12} more" : "")}; add some ({expected}) or remove the folder.");
        }

        ListedItems listed = new(names, paths, [.. labels]) { LeftOut = leftOut.Counts };
        return all switch
        {
            Kind.Pictures => new ImageListDataset(root, root, listed),
            Kind.Videos => new VideoFileDataset(root, root, listed),
            _ => new FrameFolderDataset(root, root, listed),
        };
    }

    private static string[] Items(Kind kind, string folder, string[] files) => kind == Kind.Frames
        ? [.. files.Where(PictureFiles.IsFrame).Select(frame => Path.GetDirectoryName(frame)!).Distinct().Where(below => below != folder)]
        : [.. files.Where(file => IsRead(kind, file))];

    private static bool IsRead(Kind kind, string file) => kind switch
    {
        Kind.Pictures => PictureFiles.IsPicture(file),
        Kind.Videos => VideoFileDataset.IsVideo(file),
        _ => PictureFiles.IsFrame(file),
    };

    private static string Name(Kind kind) => kind == Kind.Videos ? "videos" : "folders of frames";
}
