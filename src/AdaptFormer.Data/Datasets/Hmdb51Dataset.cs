namespace AdaptFormer.Data.Datasets;

/// <summary>
/// HMDB51 (Kuehne et al. 2011) as its authors publish it: <c>testTrainMulti_7030_splits/CLASS_test_split1.txt</c> with a file and a mark a
/// line (0: not used, 1: training, 2: test), three splits of them, and the videos <c>hmdb51_org/CLASS/NAME.avi</c>.
/// </summary>
public static class Hmdb51Dataset
{
    private const int Splits = 3;

    /// <summary>The parts: 70 clips of each class to train and 30 to test, in each of three splits.</summary>
    public static IReadOnlyList<string> Parts { get; } =
        [.. Enumerable.Range(1, Splits).SelectMany(split => new[] { $"train{split}", $"test{split}" })];

    /// <summary>Reads the lists. No video is opened.</summary>
    /// <param name="folder">The folder that the archives are unpacked in.</param>
    /// <param name="part">One of <see cref="Parts"/>.</param>
    /// <param name="root">Folder of the class folders with the videos; the usual one in <paramref name="folder"/> if null.</param>
    /// <exception cref="FileNotFoundException">There are no lists, or a list's videos are not there.</exception>
    /// <exception cref="DirectoryNotFoundException">A list is for a class that has no folder of videos.</exception>
    /// <exception cref="InvalidDataException">A list is damaged, or names no clip of the part.</exception>
    public static LabelledDataset Open(string folder, string part, string? root = null)
    {
        string lists = ClipLists.FirstFolder(Path.Combine(folder, "testTrainMulti_7030_splits"), Path.Combine(folder, "splits"))
            ?? folder;
        string videos = root ?? ClipLists.FirstFolder(Path.Combine(folder, "hmdb51_org"), Path.Combine(folder, "videos")) ?? folder;
        string ending = $"_test_split{part[^1]}.txt", mark = part.StartsWith("train", StringComparison.Ordinal) ? "1" : "2";
        string[] files = [.. Directory.EnumerateFiles(lists, $"*{ending}").Order(StringComparer.Ordinal)];
        if (files.Length == 0)
            throw new FileNotFoundException(
                $"There is no list '{Path.Combine(lists, $"CLASS{ending}")}'; test_train_splits.rar unpacks to one for each class.", lists);
        string[] classes = [.. files.Select(file => Path.GetFileName(file)![..^ending.Length])];
        PathList paths = new();
        List<int> labels = [];
        for (int c = 0; c < files.Length; c++)
        {
            if (!Directory.Exists(Path.Combine(videos, classes[c])))
                throw new DirectoryNotFoundException(
                    $"{files[c]} is for the class {classes[c]}, and there is no folder '{Path.Combine(videos, classes[c])}'.");
            int before = paths.Count;
            foreach ((int line, string text) in ListFile.Lines(files[c]))
            {
                (string name, string told) = ListFile.PathAndLabel(files[c], line, text);
                if (told is not ("0" or "1" or "2"))
                    throw new InvalidDataException(
                        $"{files[c]}, line {line}: the mark '{told}' is none of 0 (not used), 1 (training) and 2 (test).");
                if (name.Contains('/', StringComparison.Ordinal) || name.Contains('\\', StringComparison.Ordinal))
                    throw new InvalidDataException(
                        $"{files[c]}, line {line}: '{name}' is not the name of a file in the folder of its class.");
                if (told != mark) continue;
                paths.Add($"{classes[c]}/{name}");
                labels.Add(c);
            }

            if (paths.Count == before) throw new InvalidDataException($"{files[c]} names no clip with the mark {mark} ({part[..^1]}).");
        }

        return ClipLists.Open($"{lists} ({part})", videos, new ListedItems(classes, paths, [.. labels]));
    }
}
