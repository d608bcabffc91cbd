namespace AdaptFormer.Data;

/// <summary>
/// Opens a data set from the text that a recipe or a command line gives: a path, whose kind is recognised, or <c>kind:path</c>.
/// Kinds: <c>folder</c> (class folders), <c>csv</c> (path and label), <c>cifar10</c>, <c>cifar100</c>, <c>cifar100-coarse</c>
/// (binary files), <c>svhn</c> (cropped digits, <c>.mat</c>), <c>synthetic-pretraining</c> and <c>synthetic-downstream</c> (pictures drawn on demand, with
/// <c>count[:seed[:side]]</c> in place of a path).
/// </summary>
public static class DatasetSource
{
    /// <summary>Every kind that can be named; <c>auto</c>, or none, has it told by what is there.</summary>
    public static IReadOnlyList<string> Kinds { get; } = ["folder", "csv", "cifar10", "cifar100", "cifar100-coarse", "svhn", "synthetic-pretraining", "synthetic-downstream"];

    /// <summary>Opens a data set.</summary>
    /// <param name="spec">A path, or <c>kind:path</c>.</param>
    /// <param name="train">Where one path holds both parts (a CIFAR folder, or a folder with <c>train</c> and <c>test</c> or <c>val</c>): the training part rather than the test part.</param>
    /// <param name="classNames">Classes that the labels of a manifest refer to, usually the training set's; null: the manifest's own.</param>
    /// <exception cref="FileNotFoundException">There is no such path.</exception>
    /// <exception cref="ArgumentException">The kind is unknown, or the path's kind cannot be told.</exception>
    /// <exception cref="InvalidDataException">The data are damaged or inconsistent.</exception>
    public static ImageDataset Open(string spec, bool train = true, IReadOnlyList<string>? classNames = null)
    {
        (string kind, string path) = SplitKind(spec);
        return kind switch
        {
            "folder" => ImageFolderDataset.Open(PartOf(path, train)),
            "csv" => ManifestDataset.Open(path, classNames),
            "cifar10" => CifarDataset.Open(path, train, CifarLabels.Cifar10),
            "cifar100" => CifarDataset.Open(path, train, CifarLabels.Cifar100Fine),
            "cifar100-coarse" => CifarDataset.Open(path, train, CifarLabels.Cifar100Coarse),
            "svhn" => SvhnDataset.Open(path),
            "synthetic-pretraining" => Synthetic(SyntheticShapes.Pretraining, path, train),
            "synthetic-downstream" => Synthetic(SyntheticShapes.Downstream, path, train),
            _ => OpenPath(path, train, classNames),
        };
    }

    private static (string Kind, string Path) SplitKind(string spec)
    {
        int colon = spec.IndexOf(':', StringComparison.Ordinal);
        if (colon < 2) return ("", spec);      // no colon, or a Windows drive
        string kind = spec[..colon];
        if (kind == "auto" || Kinds.Contains(kind)) return (kind, spec[(colon + 1)..]);
        if (Path.Exists(spec)) return ("", spec);
        throw new ArgumentException($"Data '{spec}': kind '{kind}' is not known; known: {string.Join(", ", Kinds)}.", nameof(spec));
    }

    private static ImageDataset OpenPath(string path, bool train, IReadOnlyList<string>? classNames)
    {
        if (Directory.Exists(path))
            return CifarDataset.IsCifarFolder(path) ? CifarDataset.Open(path, train) : ImageFolderDataset.Open(PartOf(path, train));
        if (!File.Exists(path)) throw new FileNotFoundException($"There is no data '{path}'; expected a folder of class folders, a CSV file, CIFAR's binary files, or SVHN's .mat.", path);
        return Path.GetExtension(path).ToLowerInvariant() switch
        {
            ".csv" => ManifestDataset.Open(path, classNames),
            ".bin" => CifarDataset.Open(path, train),
            ".mat" => SvhnDataset.Open(path),
            _ => throw new ArgumentException($"Data '{path}': what it holds cannot be told from its name; write kind:path with one of {string.Join(", ", Kinds)}.", nameof(path)),
        };
    }

    private static SyntheticShapes Synthetic(Func<int, long, int, SyntheticShapes> task, string numbers, bool train)
    {
        string[] parts = numbers.Split(':');
        long seed = train ? 0 : 1;      // training and test pictures differ even where no seed is given
        int side = 32;
        bool valid = int.TryParse(parts[0], out int count) && (parts.Length < 2 || long.TryParse(parts[1], out seed))
            && (parts.Length < 3 || int.TryParse(parts[2], out side)) && parts.Length <= 3;
        return valid ? task(count, seed, side) : throw new ArgumentException($"Data '{numbers}': synthetic pictures are named count, count:seed or count:seed:side.", nameof(numbers));
    }

    /// <summary>The folder itself, or its <c>train</c>, <c>test</c> or <c>val</c> subfolder when those are all that it holds.</summary>
    private static string PartOf(string folder, bool train)
    {
        if (!Directory.Exists(folder)) return folder;
        string[] names = [.. Directory.EnumerateDirectories(folder).Select(d => Path.GetFileName(d)!)];
        if (names.Length < 2 || names.Any(n => n is not ("train" or "test" or "val"))) return folder;
        string part = train ? "train" : names.Contains("test") ? "test" : "val";
        return names.Contains(part) ? Path.Combine(folder, part) : folder;
    }
}
