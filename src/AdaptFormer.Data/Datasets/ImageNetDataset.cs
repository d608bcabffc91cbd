using System.Globalization;

namespace AdaptFormer.Data.Datasets;

/// <summary>
/// ImageNet-1k (ILSVRC 2012): <c>train/WNID/*.JPEG</c>, and <c>val</c> either sorted into class folders too or flat, as published, with
/// one of three files that say what is on the pictures. Classes are the WordNet ids of the training folders in ordinal order, the order
/// that all published weights use.
/// </summary>
public static class ImageNetDataset
{
    private const string GroundTruth = "ILSVRC2012_validation_ground_truth.txt", Synsets = "meta.mat", Solution = "LOC_val_solution.csv",
        IndexList = "val.txt";

    /// <summary>Lists the pictures of a part. No picture is opened.</summary>
    /// <param name="folder">The folder that holds <c>train</c> and <c>val</c>; also the root of the competition's archive
    /// (<c>ILSVRC/Data/CLS-LOC</c>).</param>
    /// <param name="part"><c>train</c> or <c>val</c>.</param>
    /// <exception cref="DirectoryNotFoundException">A folder is not there.</exception>
    /// <exception cref="FileNotFoundException">Flat validation pictures come without a file that names their classes.</exception>
    /// <exception cref="InvalidDataException">The file names another number of pictures than there are, or a class that training
    /// lacks.</exception>
    public static ListedDataset Open(string folder, string part)
    {
        string competition = Path.Combine(folder, "ILSVRC", "Data", "CLS-LOC");
        string root = Directory.Exists(competition)
            ? competition
            : folder, train = Path.Combine(root, "train"), pictures = Path.Combine(root, part);
        if (part == "train") return ClassFolders.Open(train, clips: false);
        if (!Directory.Exists(pictures)) throw new DirectoryNotFoundException($"There is no folder '{pictures}' with validation pictures.");
        if (VisibleFiles.Folders(pictures).Length > 0) return ClassFolders.Open(pictures, clips: false);
        if (!Directory.Exists(train))
            throw new DirectoryNotFoundException($"There is no folder '{train}'; its class folders say which classes there are.");
        string[] wnids = VisibleFiles.Folders(train);
        return Flat(folder, root, pictures, wnids);
    }

    private static ImageListDataset Flat(string folder, string root, string pictures, string[] wnids)
    {
        string[] files = [.. VisibleFiles.Below(pictures).Where(PictureFiles.IsPicture).Select(file => Path.GetRelativePath(pictures, file))
            .Order(StringComparer.Ordinal)];
        if (files.Length == 0) throw new InvalidDataException($"{pictures} holds no pictures.");
        (string source, string[] classes) = Find(GroundTruth, folder, root) is { } truth ? (truth, FromGroundTruth(truth, files))
            : Find(Solution, folder, root) is { } solution ? (solution, FromSolution(solution, files))
            : Find(IndexList, folder, root) is { } list ? (list, FromIndexList(list, files, wnids))
            : throw new FileNotFoundException(
                $"{pictures} is not sorted into class folders, and none of {GroundTruth} (with {Synsets}), {Solution} and {IndexList} lies "
                    + $"in {folder}, which would say what is on the pictures.");

        ListBuilder lines = new(source, pictures);
        for (int i = 0; i < files.Length; i++) lines.Add(i + 1, files[i], classes[i]);
        return new ImageListDataset(pictures, pictures, lines.Items(wnids));
    }

    /// <summary>A file in the folder itself or where the archives unpack it.</summary>
    private static string? Find(string name, string folder, string root) =>
        new[] { folder, root, Path.Combine(folder, "data"), Path.Combine(folder, "ILSVRC2012_devkit_t12", "data"),
            Path.Combine(root, "ILSVRC2012_devkit_t12", "data") }
            .Select(place => Path.Combine(place, name)).FirstOrDefault(File.Exists);

    /// <summary>The development kit: a line per picture with the number that meta.mat gives a synset.</summary>
    private static string[] FromGroundTruth(string truth, string[] files)
    {
        string meta = Path.Combine(Path.GetDirectoryName(truth)!, Synsets);
        Dictionary<int, string> wnidOf = ReadSynsets(meta);
        string[] classes = [.. ListFile.Lines(truth)
            .Select(line => int.TryParse(line.Text, NumberStyles.None, CultureInfo.InvariantCulture, out int id)
                && wnidOf.TryGetValue(id, out string? wnid)
            ? wnid
            : throw new InvalidDataException($"{truth}, line {line.Line}: '{line.Text}' is not the number of a synset in {meta}."))];
        return classes.Length == files.Length
            ? classes
            : throw new InvalidDataException($"{truth} has {classes.Length} lines, but there are {files.Length} pictures.");
    }

    private static Dictionary<int, string> ReadSynsets(string meta)
    {
        if (!File.Exists(meta))
            throw new FileNotFoundException(
                $"There is no file '{meta}'; it comes with {GroundTruth} and says which synset a number means.", meta);
        if (!MatFile.Read(meta).TryGetValue("synsets", out MatArray? synsets) || synsets.Fields is not { } fields
            || !fields.TryGetValue("ILSVRC2012_ID", out MatArray[]? ids) || !fields.TryGetValue("WNID", out MatArray[]? names))
        {
            throw new InvalidDataException($"{meta}: expected a structure array 'synsets' with the fields ILSVRC2012_ID and WNID.");
        }

        Dictionary<int, string> result = [];
        for (int i = 0; i < ids.Length; i++)
        {
            if (ids[i].Data.Length > 0) result[(int)ids[i].Numbers()[0]] = names[i].Text();
        }

        return result;
    }

    /// <summary>The competition's answer: a header, then the picture's name, a comma, and its synset with boxes.</summary>
    private static string[] FromSolution(string solution, string[] files)
    {
        Dictionary<string, string> wnidOf = [];
        foreach ((int line, string text) in ListFile.Lines(solution).Skip(1))
        {
            int comma = text.IndexOf(',', StringComparison.Ordinal);
            string[] words = comma > 0 ? text[(comma + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries) : [];
            if (words.Length == 0)
                throw new InvalidDataException($"{solution}, line {line}: expected the name of a picture, a comma, and its synset.");
            wnidOf[text[..comma]] = words[0];
        }

        return Lookup(solution, files, wnidOf, Path.GetFileNameWithoutExtension);
    }

    /// <summary>The list of older toolkits: the picture's file, a blank, and the position of its class.</summary>
    private static string[] FromIndexList(string list, string[] files, string[] wnids)
    {
        Dictionary<string, string> wnidOf = [];
        foreach ((int line, string text) in ListFile.Lines(list))
        {
            (string file, string label) = ListFile.PathAndLabel(list, line, text);
            wnidOf[Path.GetFileName(file)] = int.TryParse(label, NumberStyles.None, CultureInfo.InvariantCulture, out int index)
                && index < wnids.Length
                ? wnids[index]
                : throw new InvalidDataException(
                    $"{list}, line {line}: label '{label}' is out of range; there are {wnids.Length} classes, counted from 0.");
        }

        return Lookup(list, files, wnidOf, path => Path.GetFileName(path)!);
    }

    private static string[] Lookup(string list, string[] files, Dictionary<string, string> wnidOf, Func<string, string> nameOf)
    {
        if (wnidOf.Count != files.Length)
            throw new InvalidDataException($"{list} names {wnidOf.Count} pictures, but there are {files.Length}.");
        return [.. files.Select(
            file => wnidOf.TryGetValue(nameOf(file), out string? wnid)
                ? wnid
                : throw new InvalidDataException($"{list} does not name the picture {file}."))];
    }
}
