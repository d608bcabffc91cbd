namespace AdaptFormer.Data;

/// <summary>A folder with one sub-folder of clips for each class: video files, or folders of frames.</summary>
internal static class ClipFolder
{
    /// <summary>Lists a folder. No clip is opened.</summary>
    /// <param name="root">The folder that holds the class folders; classes are their names in ordinal order.</param>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="InvalidDataException">There are no class folders, one has no clips, or some have videos and some folders of frames.</exception>
    public static ClipDataset Open(string root)
    {
        if (!Directory.Exists(root)) throw new DirectoryNotFoundException($"There is no folder '{root}'; expected one that holds a folder of clips for each class.");
        string[] names = [.. Directory.EnumerateDirectories(root).Select(folder => Path.GetFileName(folder)!).Where(name => name[0] != '.').Order(StringComparer.Ordinal)];
        if (names.Length == 0) throw new InvalidDataException($"{root}: expected one folder of clips for each class, found no folders.");
        PathList paths = new();
        List<int> labels = [];
        bool? videos = null;
        for (int label = 0; label < names.Length; label++)
        {
            string folder = Path.Combine(root, names[label]);
            string[] clips = [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Where(VideoFileDataset.IsVideo)];
            bool files = clips.Length > 0;
            if (!files) clips = [.. Directory.EnumerateDirectories(folder, "*", SearchOption.AllDirectories).Where(below => Directory.EnumerateFiles(below).Any(FrameFolderDataset.IsPicture))];
            if (clips.Length == 0) throw new InvalidDataException($"{folder}: the class has no clips, neither videos ({string.Join(" ", VideoFileDataset.Extensions)}) nor folders of frames.");
            if (files != (videos ??= files)) throw new InvalidDataException($"{root}: {names[0]} has {(files ? "folders of frames" : "videos")} and {names[label]} {(files ? "videos" : "folders of frames")}; all must be of one kind.");
            foreach (string clip in clips.Order(StringComparer.Ordinal))
            {
                paths.Add(Path.GetRelativePath(root, clip));
                labels.Add(label);
            }
        }

        ListedItems items = new(names, paths, [.. labels]);
        return videos == true ? new VideoFileDataset(root, root, items) : new FrameFolderDataset(root, root, items);
    }
}
