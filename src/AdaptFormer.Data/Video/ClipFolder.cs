namespace AdaptFormer.Data;

/// <summary>A folder with one sub-folder of clips for each class: video files, or folders of frames.</summary>
internal static class ClipFolder
{
    /// <summary>Lists a folder. No clip is opened.</summary>
    /// <param name="root">The folder that holds the class folders; classes are their names in ordinal order.</param>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="InvalidDataException">There are no class folders, one has no clips, or some have videos and some folders of
    /// frames.</exception>
    public static ClipDataset Open(string root)
    {
        if (!Directory.Exists(root)) throw new DirectoryNotFoundException($"There is no folder '{root}'; expected one that holds a folder of clips for each class.");
        string[] names = VisibleFiles.Folders(root);
        if (names.Length == 0) throw new InvalidDataException($"{root}: expected one folder of clips for each class, found no folders.");
        PathList paths = new();
        List<int> labels = [];
        LeftOutFiles leftOut = new();
        foreach (string file in VisibleFiles.Files(root)) leftOut.Add(file);
        bool? videos = null;
        for (int label = 0; label < names.Length; label++)
        {
            string folder = Path.Combine(root, names[label]);
            string[] files = [.. VisibleFiles.Below(folder)], clips = [.. files.Where(VideoFileDataset.IsVideo)];
            bool areVideos = clips.Length > 0;
            if (!areVideos) clips = [.. files.Where(PictureFiles.IsFrame).Select(frame => Path.GetDirectoryName(frame)!).Distinct().Where(below => below != folder)];
            if (clips.Length == 0)
                throw new InvalidDataException($"{folder}: the class has no clips, neither videos ({string.Join(" ", VideoFileDataset.Extensions)}) nor folders of frames.");
            if (areVideos != (videos ??= areVideos))
            {
                throw new InvalidDataException($"{root}: {names[0]} has {(areVideos ? "folders of frames" : "videos")} and {names[label]} "
                    + $"{(areVideos ? "videos" : "folders of frames")}; all must be of one kind.");
            }

            foreach (string file in files.Where(file => !(areVideos ? VideoFileDataset.IsVideo(file) : PictureFiles.IsFrame(file)))) leftOut.Add(file);
            foreach (string clip in clips.Order(StringComparer.Ordinal))
            {
                paths.Add(Path.GetRelativePath(root, clip));
                labels.Add(label);
            }
        }

        ListedItems items = new(names, paths, [.. labels]) { LeftOut = leftOut.Counts };
        return videos == true ? new VideoFileDataset(root, root, items) : new FrameFolderDataset(root, root, items);
    }
}
