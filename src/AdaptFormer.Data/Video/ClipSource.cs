namespace AdaptFormer.Data;

/// <summary>
/// Opens clips from the text that a recipe gives: a path, whose kind is recognised, or <c>kind:path</c>. Kinds with several parts in one
/// folder take <c>path#part</c>
/// or <c>path#part+part</c>; without one, it is their training or their test part. <c>docs/datasets.md</c> shows the layout of each kind.
/// </summary>
public static class ClipSource
{
    private const int LooksAt = 1000;

    private static readonly string[] LabelColumns = ["class", "class_name", .. ManifestReader.LabelColumns];      // a list may have both, the name and the number

    /// <summary>Kinds whose folder holds several parts, and how one is opened: from the folder, the part, and the folder of the videos
    /// where it lies elsewhere.</summary>
    private static readonly Dictionary<string, (DatasetParts Parts, Func<string, string, string?, ClipDataset> Open)> Parted = new()
    {
        ["ssv2"] = (new(SomethingSomethingDataset.Parts, "train", "validation"), SomethingSomethingDataset.Open),
        ["hmdb51"] = (new(Hmdb51Dataset.Parts, "train1", "test1"), Hmdb51Dataset.Open),
        ["ucf101"] = (new(Ucf101Dataset.Parts, "train1", "test1"), Ucf101Dataset.Open),
        ["kinetics"] = (new(KineticsDataset.Parts, "train", "val"), KineticsDataset.Open),
    };

    /// <summary>Every kind that can be named.</summary>
    public static IReadOnlyList<string> Kinds { get; } = ["clips", "clip-csv", "clip-jsonl", "clip-list", "frame-list", .. Parted.Keys];

    /// <summary>Opens a set of clips.</summary>
    /// <param name="spec">A path, or <c>kind:path</c>, perhaps with <c>#part</c>.</param>
    /// <param name="root">Folder that paths in a list are relative to, or that holds the videos; that of the list, or the usual one
    /// beside it, if null.</param>
    /// <param name="classNames">Classes that the labels of a list refer to, usually the training set's; null: the list's own.</param>
    /// <param name="train">Where one path holds both parts: the training part rather than the test part.</param>
    /// <exception cref="FileNotFoundException">There is no such path, or none of a list's clips.</exception>
    /// <exception cref="ArgumentException">The kind or part is unknown.</exception>
    /// <exception cref="InvalidDataException">The list is damaged or inconsistent.</exception>
    public static ClipDataset Open(string spec, string? root = null, IReadOnlyList<string>? classNames = null, bool train = true)
    {
        (string kind, string path) = SplitKind(spec);
        if (Parted.TryGetValue(kind, out (DatasetParts Parts, Func<string, string, string?, ClipDataset> Open) parted))
        {
            (string folder, string[] parts) = parted.Parts.Read(kind, path, train);
            return ClipConcat.Of([.. parts.Select(part => parted.Open(folder, part, root))]);
        }

        if (kind == "auto") kind = Directory.Exists(path) ? "clips" : ManifestReader.JsonLinesExtensions.Contains(Path.GetExtension(path).ToLowerInvariant()) ? "clip-jsonl" : "clip-csv";
        return kind switch
        {
            "clips" => ClipFolder.Open(SplitFolders.Choose(path, train, clips: true)),
            "clip-csv" or "clip-jsonl" => OpenManifest(path, root, classNames),
            "clip-list" => OpenList(path, root, classNames),
            "frame-list" => FrameList.Open(path, root, classNames),
            _ => throw new ArgumentException($"Data '{spec}': kind '{kind}' is not one of clips; known: {string.Join(", ", Kinds)}."),
        };
    }

    /// <summary>All that a text names, part by part: training and test data where one folder holds both, else the one set.</summary>
    /// <inheritdoc cref="Open(string, string?, IReadOnlyList{string}?, bool)"/>
    public static IReadOnlyList<(string Part, ClipDataset Data)> OpenParts(string spec, string? root = null)
    {
        (string kind, string path) = SplitKind(spec);
        if (Parted.ContainsKey(kind) && Directory.Exists(path)) return [(SplitFolders.Train, Open(spec, root)), (SplitFolders.Test, Open(spec, root, train: false))];
        IReadOnlyList<(string Part, string Path)> parts = kind is "auto" or "clips" ? SplitFolders.In(path, clips: true) : [];
        return parts.Count == 0 ? [("all", Open(spec, root))] : [.. parts.Select(part => (part.Part, ClipFolder.Open(part.Path)))];
    }

    /// <summary>
    /// Whether a text names clips rather than pictures: by its kind or, where it names none, by what more of the first files below a
    /// folder are. An animated GIF
    /// is a clip where there is nothing else.
    /// </summary>
    /// <param name="spec">A path, or <c>kind:path</c>.</param>
    public static bool Means(string spec)
    {
        (string kind, string path) = SplitKind(spec);
        if (kind != "auto") return Kinds.Contains(kind);
        if (!Directory.Exists(path)) return false;
        int videos = 0, pictures = 0, either = 0;
        foreach (string file in VisibleFiles.Below(path).Take(LooksAt))
        {
            (bool video, bool picture) = (VideoFileDataset.IsVideo(file), PictureFiles.IsPicture(file));
            if (file.EndsWith(".gif", StringComparison.OrdinalIgnoreCase)) either++;
            else if (video) videos++;
            else if (picture) pictures++;
        }

        return videos > 0 ? videos >= pictures : pictures == 0 && either > 0;
    }

    /// <summary>The clips of a list, each a video file or a folder of frames; the endings of files may be left out of the list. None is
    /// opened.</summary>
    /// <param name="name">What the set is.</param>
    /// <param name="root">Folder that the paths are relative to.</param>
    /// <param name="items">The clips.</param>
    /// <param name="ranges">Positions of the first and last frame of each, where all are folders of frames; else null.</param>
    /// <exception cref="FileNotFoundException">Not one of them is there.</exception>
    internal static ClipDataset OfList(string name, string root, ListedItems items, IReadOnlyList<(int First, int? Last)>? ranges = null)
    {
        // The first clip that is there says what all of them are. One that is missing is found out when it is read, as with pictures.
        string? found = Enumerable.Range(0, items.Paths.Count).Select(i => VideoFileDataset.Locate(Path.Combine(root, items.Paths[i]))).FirstOrDefault(path => path is not null);
        if (found is null)
        {
            string sought = Path.Combine(root, items.Paths[0]);
            throw new FileNotFoundException($"{name}: not one of its {items.Paths.Count} clips is there, neither as a video nor as a folder of frames; the first would be {sought}. Name the folder that the paths are relative to: data.clip.root in a recipe, --root on the command line.", sought);
        }

        return ranges is not null || Directory.Exists(found) ? new FrameFolderDataset(name, root, items, ranges) : new VideoFileDataset(name, root, items);
    }

    /// <summary>The first of some folders that is there.</summary>
    internal static string? FirstFolder(params string?[] folders) => Array.Find(folders, Directory.Exists);

    private static (string Kind, string Path) SplitKind(string spec)
    {
        int colon = spec.IndexOf(':', StringComparison.Ordinal);
        if (colon < 2 || Path.Exists(spec)) return ("auto", spec);      // no colon, or a Windows drive
        return spec[..colon] == "auto" ? SplitKind(spec[(colon + 1)..]) : (spec[..colon], spec[(colon + 1)..]);
    }

    private static ClipDataset OpenManifest(string path, string? root, IReadOnlyList<string>? classNames)
    {
        string folder = FolderOf(path, root);
        return OfList(path, folder, ManifestReader.Read(path, new ListBuilder(path, folder, "clips"), LabelColumns).Items(classNames));
    }

    /// <summary>The list that the authors' code reads: a path, a blank and a class a line, without a header.</summary>
    private static ClipDataset OpenList(string path, string? root, IReadOnlyList<string>? classNames)
    {
        string folder = FolderOf(path, root);
        ListBuilder list = new(path, folder, "clips");
        foreach ((int line, string text) in ListFile.Lines(path))
        {
            (string clip, string label) = ListFile.PathAndLabel(path, line, text);
            list.Add(line, clip, label);
        }

        return OfList(path, folder, list.Items(classNames));
    }

    /// <summary>The folder that a list's paths count from.</summary>
    /// <exception cref="FileNotFoundException">There is no such list.</exception>
    internal static string FolderOf(string list, string? root) => File.Exists(list)
        ? root ?? Path.GetDirectoryName(Path.GetFullPath(list))!
        : throw new FileNotFoundException($"There is no list of clips '{list}'.", list);
}
