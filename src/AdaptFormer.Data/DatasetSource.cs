using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Synthetic;
using AdaptFormer.Files;

namespace AdaptFormer.Data;

/// <summary>
/// Opens a data set from the text that a recipe or a command line gives: a path, whose kind is inferred from the files, or
/// <c>kind:path</c>. Kinds with several parts in one folder take <c>path#part</c> or <c>path#part+part</c>, for instance
/// <c>svhn:data/svhn#train+extra</c>; without one, it is their training or their test part. <c>docs/datasets.md</c> shows the layout of
/// each kind.
/// </summary>
public static class DatasetSource
{
    private const int LooksAt = 1000;

    // a list may have both, the name and the number
    private static readonly string[] ClipLabels = ["class", "class_name", .. ManifestReader.LabelColumns];

    /// <summary>Kinds whose folder holds several parts: what they are, which one trains and which one tests, and how one is
    /// opened.</summary>
    private static readonly Dictionary<string, PartedKind> Parted = new()
    {
        ["svhn"] = new(["train", "extra", "test"], "train", "test", (folder, part, _) =>
            SvhnDataset.Open(Path.Combine(folder, $"{part}_32x32.mat"))),
        ["food101"] = new(["train", "test"], "train", "test", (folder, part, _) => Food101Dataset.Open(folder, part)),
        ["flowers102"] = new(Flowers102Dataset.Parts, "train", "test", (folder, part, _) => Flowers102Dataset.Open(folder, part)),
        ["imagenet"] = new(["train", "val"], "train", "val", (folder, part, _) => ImageNetDataset.Open(folder, part)),
        ["nus-wide"] = new(NusWideDataset.Parts, "train", "test", (folder, part, _) => NusWideDataset.Open(folder, part)),
        ["vtab"] = new(VtabDataset.Parts, "train800val200", "test", (folder, part, _) => VtabDataset.Open(folder, part)),
        ["ssv2"] = new(SomethingSomethingDataset.Parts, "train", "validation", SomethingSomethingDataset.Open, OfClips: true),
        ["hmdb51"] = new(Hmdb51Dataset.Parts, "train1", "test1", Hmdb51Dataset.Open, OfClips: true),
        ["ucf101"] = new(Ucf101Dataset.Parts, "train1", "test1", Ucf101Dataset.Open, OfClips: true),
        ["kinetics"] = new(KineticsDataset.Parts, "train", "val", KineticsDataset.Open, OfClips: true),
    };

    private static readonly Lock Gate = new();
    private static Dictionary<string, AddedKind> _added = [];

    /// <summary>Every kind of pictures that can be named; <c>auto</c>, or none, infers it.</summary>
    public static IReadOnlyList<string> Kinds =>
    [
        "folder", "csv", "jsonl", "cifar10", "cifar100", "cifar100-coarse",
            .. Parted.Where(kind => !kind.Value.OfClips).Select(kind => kind.Key),
        "synthetic-pretraining", "synthetic-downstream", "synthetic-multilabel",
            .. _added.Where(kind => !kind.Value.OfClips).Select(kind => kind.Key),
    ];

    /// <summary>Every kind of clips that can be named.</summary>
    public static IReadOnlyList<string> ClipKinds =>
        ["clips", "clip-csv", "clip-jsonl", "clip-list", "frame-list",
            .. Parted.Where(kind => kind.Value.OfClips).Select(kind => kind.Key),
            .. _added.Where(kind => kind.Value.OfClips).Select(kind => kind.Key)];

    /// <summary>Makes a kind of another project known, so that recipes and commands can name it: <c>kind:path</c>.</summary>
    /// <param name="kind">Its name, which no other kind has.</param>
    /// <param name="open">Opens it: from what stands behind the colon, and whether the training part is meant.</param>
    /// <param name="ofClips">Whether its items are clips.</param>
    /// <exception cref="ArgumentException">The name is taken, or holds a colon or too few letters.</exception>
    public static void Register(string kind, Func<string, bool, LabelledDataset> open, bool ofClips = false)
    {
        if (kind.Length < 2 || kind.Contains(':', StringComparison.Ordinal) || kind == "auto")
            throw new ArgumentException($"Data kind '{kind}': expected a name of two letters or more, without a colon.", nameof(kind));
        lock (Gate)
        {
            if (Kinds.Contains(kind) || ClipKinds.Contains(kind))
                throw new ArgumentException($"There is a kind of data '{kind}' already.", nameof(kind));
            _added = new Dictionary<string, AddedKind>(_added) { [kind] = new(open, ofClips) };
        }
    }

    /// <summary>Opens a data set.</summary>
    /// <param name="spec">A path, or <c>kind:path</c>, perhaps with <c>#part</c>.</param>
    /// <param name="train">
    /// Where one path holds both parts (a CIFAR folder, or a folder with <c>train</c>, <c>valid</c> and <c>test</c>, under any of their
    /// usual names): the training part rather than the test part.
    /// </param>
    /// <param name="classNames">Classes that the labels of a list refer to, usually the training set's; null: the list's own.</param>
    /// <param name="root">Clips: folder that paths in a list are relative to, or that holds the videos; that of the list, or the usual one
    /// beside it, if null.</param>
    /// <param name="clips">Whether clips are meant where the text names no kind; null infers it, see <see cref="MeansClips"/>.</param>
    /// <exception cref="FileNotFoundException">There is no such path, or none of a list's clips.</exception>
    /// <exception cref="ArgumentException">The kind or part is unknown, of the other sort, or the path's kind cannot be told.</exception>
    /// <exception cref="InvalidDataException">The data are damaged or inconsistent.</exception>
    public static LabelledDataset Open(
        string spec, bool train = true, IReadOnlyList<string>? classNames = null, string? root = null, bool? clips = null)
    {
        (string kind, string path) = SplitKind(spec);
        bool isOfClips = kind.Length > 0 ? ClipKinds.Contains(kind) : clips ?? MeansClips(spec);
        if (clips is { } wanted && wanted != isOfClips)
        {
            throw new ArgumentException(
                $"Data '{spec}': kind '{kind}' is not one of {(wanted ? "clips" : "pictures")}; known: "
                    + $"{string.Join(", ", wanted ? ClipKinds : Kinds)}.",
                nameof(spec));
        }

        if (root is not null && !isOfClips)
            throw new ArgumentException($"Data '{spec}': pictures have no root; their paths are relative to their list.", nameof(root));
        if (Parted.TryGetValue(kind, out PartedKind? parted) && !(kind == "svhn" && File.Exists(path)))
            return parted.Open(kind, path, train, root);
        if (_added.TryGetValue(kind, out AddedKind? added)) return added.Open(path, train);
        return isOfClips ? OpenClips(kind, path, train, classNames, root) : OpenPictures(kind, path, train, classNames);
    }

    /// <summary>All that a text names, part by part: training, validation and test data where one folder holds them, else the one
    /// set.</summary>
    /// <inheritdoc cref="Open"/>
    public static IReadOnlyList<(string Part, LabelledDataset Data)> OpenParts(string spec, string? root = null, bool? clips = null)
    {
        (string kind, string path) = SplitKind(spec);
        bool isOfClips = kind.Length > 0 ? ClipKinds.Contains(kind) : clips ?? MeansClips(spec);
        bool both = Parted.ContainsKey(kind) || kind.StartsWith("cifar", StringComparison.Ordinal)
            || (kind.Length == 0 && !isOfClips && CifarDataset.IsCifarFolder(path));
        if (both && Directory.Exists(path))
            return [(SplitFolders.Train, Open(spec, root: root, clips: clips)),
                (SplitFolders.Test, Open(spec, false, root: root, clips: clips))];
        IReadOnlyList<(string Part, string Path)> parts = both || kind is not ("" or "folder" or "clips")
            ? []
            : SplitFolders.In(path, isOfClips);
        return parts.Count == 0
            ? [("all", Open(spec, root: root, clips: clips))]
            : [.. parts.Select(part => (part.Part, (LabelledDataset)ClassFolders.Open(part.Path, isOfClips)))];
    }

    /// <summary>
    /// Whether a text names clips rather than pictures: by its kind or, where it names none, by what more of the first files below a folder
    /// are. An animated GIF is a clip where there is nothing else.
    /// </summary>
    /// <param name="spec">A path, or <c>kind:path</c>.</param>
    public static bool MeansClips(string spec)
    {
        (string kind, string path) = SplitKind(spec);
        if (kind.Length > 0) return ClipKinds.Contains(kind);
        if (!Directory.Exists(path)) return false;
        int videos = 0, pictures = 0, either = 0;
        foreach (string file in VisibleFiles.Below(path).Take(LooksAt))
        {
            if (file.EndsWith(".gif", StringComparison.OrdinalIgnoreCase)) either++;
            else if (VideoFileDataset.IsVideo(file)) videos++;
            else if (PictureFiles.IsPicture(file)) pictures++;
        }

        return videos > 0 ? videos >= pictures : pictures == 0 && either > 0;
    }

    /// <summary>The kind, empty where none is named, and the path.</summary>
    private static (string Kind, string Path) SplitKind(string spec)
    {
        int colon = spec.IndexOf(':', StringComparison.Ordinal);
        if (colon < 2) return ("", spec);      // no colon, or a Windows drive
        string kind = spec[..colon];
        if (kind == "auto") return SplitKind(spec[(colon + 1)..]);      // what a recipe leaves open, its path may still say
        if (Kinds.Contains(kind) || ClipKinds.Contains(kind)) return (kind, spec[(colon + 1)..]);
        if (Path.Exists(spec)) return ("", spec);
        throw new ArgumentException(
            $"Data '{spec}': {Spelling.Unknown("kind", kind, [.. Kinds])}; of clips: {string.Join(", ", ClipKinds)}.",
                nameof(spec));
    }

    private static LabelledDataset OpenPictures(string kind, string path, bool train, IReadOnlyList<string>? classNames) => kind switch
    {
        "folder" => ClassFolders.Open(SplitFolders.Choose(path, train, clips: false), clips: false),
        "csv" or "jsonl" => ManifestDataset.Open(path, classNames),
        "cifar10" => CifarDataset.Open(path, train, CifarLabels.Cifar10),
        "cifar100" => CifarDataset.Open(path, train, CifarLabels.Cifar100Fine),
        "cifar100-coarse" => CifarDataset.Open(path, train, CifarLabels.Cifar100Coarse),
        "svhn" => SvhnDataset.Open(path),
        "synthetic-pretraining" => Synthetic(SyntheticShapes.Pretraining, path, train),
        "synthetic-downstream" => Synthetic(SyntheticShapes.Downstream, path, train),
        "synthetic-multilabel" => Synthetic((count, seed, side) => new SyntheticScenes(count, seed, side), path, train),
        _ => OpenPath(path, train, classNames),
    };

    private static LabelledDataset OpenPath(string path, bool train, IReadOnlyList<string>? classNames)
    {
        if (Directory.Exists(path))
            return CifarDataset.IsCifarFolder(path) ? CifarDataset.Open(path, train) : OpenPictures("folder", path, train, classNames);
        if (!File.Exists(path))
            throw new FileNotFoundException(
                $"There is no data '{path}'; expected a folder of class folders, a CSV or JSON Lines file, CIFAR's files, or SVHN's .mat.",
                    path);
        return Path.GetExtension(path).ToLowerInvariant() switch
        {
            ".csv" or ".tsv" or ".txt" or ".lst" or ".jsonl" or ".ndjson" => ManifestDataset.Open(path, classNames),
            ".bin" => CifarDataset.Open(path, train),
            ".mat" => SvhnDataset.Open(path),
            _ => throw new ArgumentException(
                $"Data '{path}': what it holds cannot be told from its name; write kind:path with one of {string.Join(", ", Kinds)}.",
                    nameof(path)),
        };
    }

    private static ListedDataset OpenClips(string kind, string path, bool train, IReadOnlyList<string>? classNames, string? root)
    {
        if (kind == "clips" || (kind.Length == 0 && Directory.Exists(path)))
            return ClassFolders.Open(SplitFolders.Choose(path, train, clips: true), clips: true);
        string folder = ClipLists.FolderOf(path, root);
        if (kind == "frame-list") return FrameList.Open(path, folder, classNames);
        ListBuilder list = new(path, folder, "clips");
        if (kind == "clip-list") ManifestReader.ReadText(path, list);      // the list that the authors' code reads
        else ManifestReader.Read(path, list, ClipLabels);
        return ClipLists.Open(path, folder, list.Items(classNames));
    }

    private static ImageDataset Synthetic(Func<int, long, int, ImageDataset> task, string numbers, bool train)
    {
        string[] parts = numbers.Split(':');
        long seed = train ? 0 : 1;      // training and test pictures differ even where no seed is given
        int side = 32;
        bool valid = int.TryParse(parts[0], out int count) && (parts.Length < 2 || long.TryParse(parts[1], out seed))
            && (parts.Length < 3 || int.TryParse(parts[2], out side)) && parts.Length <= 3;
        return valid && count > 0 && side > 0
            ? task(count, seed, side)
            : throw new ArgumentException(
                $"Data '{numbers}': synthetic pictures are named count, count:seed or count:seed:side, with a count and a side of at least "
                    + $"1.",
                nameof(numbers));
    }

    private sealed record AddedKind(Func<string, bool, LabelledDataset> Open, bool OfClips);
}
