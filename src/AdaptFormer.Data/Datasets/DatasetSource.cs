namespace AdaptFormer.Data;

/// <summary>
/// Opens a data set from the text that a recipe or a command line gives: a path, whose kind is recognised, or <c>kind:path</c>. Kinds
/// with several parts in one folder take <c>path#part</c> or <c>path#part+part</c>, for instance <c>svhn:data/svhn#train+extra</c>; without
/// one, it is their training or their test part. <c>docs/datasets.md</c> shows the layout of each kind.
/// </summary>
public static class DatasetSource
{
    /// <summary>Kinds whose folder holds several parts: what they are, which one trains and which one tests, and how one is
    /// opened.</summary>
    private static readonly Dictionary<string, (DatasetParts Parts, Func<string, string, ImageDataset> Open)> Parted = new()
    {
        ["svhn"] = (new(["train", "extra", "test"], "train", "test"), (folder, part) => SvhnDataset.Open(Path.Combine(folder, $"{part}_32x32.mat"))),
        ["food101"] = (new(["train", "test"], "train", "test"), Food101Dataset.Open),
        ["flowers102"] = (new(Flowers102Dataset.Parts, "train", "test"), Flowers102Dataset.Open),
        ["imagenet"] = (new(["train", "val"], "train", "val"), ImageNetDataset.Open),
        ["nus-wide"] = (new(NusWideDataset.Parts, "train", "test"), NusWideDataset.Open),
        ["vtab"] = (new(VtabDataset.Parts, "train800val200", "test"), VtabDataset.Open),
    };

    /// <summary>Every kind that can be named; <c>auto</c>, or none, has it told by what is there.</summary>
    public static IReadOnlyList<string> Kinds { get; } =
        ["folder", "csv", "jsonl", "cifar10", "cifar100", "cifar100-coarse", .. Parted.Keys, "synthetic-pretraining", "synthetic-downstream", "synthetic-multilabel"];

    /// <summary>Opens a data set.</summary>
    /// <param name="spec">A path, or <c>kind:path</c>, perhaps with <c>#part</c>.</param>
    /// <param name="train">Where one path holds both parts (a CIFAR folder, or a folder with <c>train</c>, <c>valid</c> and <c>test</c>,
    /// under any of their usual names): the training part rather than the test part.</param>
    /// <param name="classNames">Classes that the labels of a manifest refer to, usually the training set's; null: the manifest's
    /// own.</param>
    /// <exception cref="FileNotFoundException">There is no such path.</exception>
    /// <exception cref="ArgumentException">The kind or part is unknown, or the path's kind cannot be told.</exception>
    /// <exception cref="InvalidDataException">The data are damaged or inconsistent.</exception>
    public static ImageDataset Open(string spec, bool train = true, IReadOnlyList<string>? classNames = null)
    {
        (string kind, string path) = SplitKind(spec);
        if (Parted.TryGetValue(kind, out (DatasetParts Parts, Func<string, string, ImageDataset> Open) parted))
        {
            if (kind == "svhn" && File.Exists(path)) return SvhnDataset.Open(path);
            (string folder, string[] parts) = parted.Parts.Read(kind, path, train);
            return ConcatDataset.Of([.. parts.Select(part => parted.Open(folder, part))]);
        }

        return kind switch
        {
            "folder" => ImageFolderDataset.Open(SplitFolders.Choose(path, train, clips: false)),
            "csv" or "jsonl" => ManifestDataset.Open(path, classNames),
            "cifar10" => CifarDataset.Open(path, train, CifarLabels.Cifar10),
            "cifar100" => CifarDataset.Open(path, train, CifarLabels.Cifar100Fine),
            "cifar100-coarse" => CifarDataset.Open(path, train, CifarLabels.Cifar100Coarse),
            "synthetic-pretraining" => Synthetic(SyntheticShapes.Pretraining, path, train),
            "synthetic-downstream" => Synthetic(SyntheticShapes.Downstream, path, train),
            "synthetic-multilabel" => Synthetic((count, seed, side) => new SyntheticScenes(count, seed, side), path, train),
            _ => OpenPath(path, train, classNames),
        };
    }

    /// <summary>All that a text names, part by part: training and test data where one folder holds both, else the one set.</summary>
    /// <inheritdoc cref="Open(string, bool, IReadOnlyList{string})"/>
    public static IReadOnlyList<(string Part, ImageDataset Data)> OpenParts(string spec)
    {
        (string kind, string path) = SplitKind(spec);
        if (Parted.ContainsKey(kind) && Directory.Exists(path)) return Both();
        if ((kind is "" && CifarDataset.IsCifarFolder(path)) || kind.StartsWith("cifar", StringComparison.Ordinal)) return Directory.Exists(path) ? Both() : All();
        IReadOnlyList<(string Part, string Path)> parts = kind is "" or "folder" ? SplitFolders.In(path, clips: false) : [];
        return parts.Count == 0 ? All() : [.. parts.Select(part => (part.Part, (ImageDataset)ImageFolderDataset.Open(part.Path)))];

        (string, ImageDataset)[] All() => [("all", Open(spec))];
        (string, ImageDataset)[] Both() => [(SplitFolders.Train, Open(spec)), (SplitFolders.Test, Open(spec, train: false))];
    }

    private static (string Kind, string Path) SplitKind(string spec)
    {
        int colon = spec.IndexOf(':', StringComparison.Ordinal);
        if (colon < 2) return ("", spec);      // no colon, or a Windows drive
        string kind = spec[..colon];
        if (kind == "auto") return SplitKind(spec[(colon + 1)..]);      // what a recipe leaves open, its path may still say
        if (Kinds.Contains(kind)) return (kind, spec[(colon + 1)..]);
        if (Path.Exists(spec)) return ("", spec);
        throw new ArgumentException($"Data '{spec}': kind '{kind}' is not known; known: {string.Join(", ", Kinds)}; of clips: {string.Join(", ", ClipSource.Kinds)}.", nameof(spec));
    }

    private static ImageDataset OpenPath(string path, bool train, IReadOnlyList<string>? classNames)
    {
        if (Directory.Exists(path))
            return CifarDataset.IsCifarFolder(path) ? CifarDataset.Open(path, train) : ImageFolderDataset.Open(SplitFolders.Choose(path, train, clips: false));
        if (!File.Exists(path)) throw new FileNotFoundException($"There is no data '{path}'; expected a folder of class folders, a CSV or JSON Lines file, CIFAR's files, or SVHN's .mat.", path);
        return Path.GetExtension(path).ToLowerInvariant() switch
        {
            ".csv" or ".tsv" or ".txt" or ".lst" or ".jsonl" or ".ndjson" => ManifestDataset.Open(path, classNames),
            ".bin" => CifarDataset.Open(path, train),
            ".mat" => SvhnDataset.Open(path),
            _ => throw new ArgumentException($"Data '{path}': what it holds cannot be told from its name; write kind:path with one of {string.Join(", ", Kinds)}.", nameof(path)),
        };
    }

    private static ImageDataset Synthetic(Func<int, long, int, ImageDataset> task, string numbers, bool train)
    {
        string[] parts = numbers.Split(':');
        long seed = train ? 0 : 1;      // training and test pictures differ even where no seed is given
        int side = 32;
        bool valid = int.TryParse(parts[0], out int count) && (parts.Length < 2 || long.TryParse(parts[1], out seed))
            && (parts.Length < 3 || int.TryParse(parts[2], out side)) && parts.Length <= 3;
        return valid && count > 0 && side > 0 ? task(count, seed, side) : throw new ArgumentException($"Data '{numbers}': synthetic pictures are named count, count:seed or count:seed:side, with a count and a side of at least 1.", nameof(numbers));
    }
}
