using System.Globalization;

namespace AdaptFormer.Data.Datasets;

/// <summary>
/// UCF101 (Soomro et al. 2012) as its authors publish it: <c>ucfTrainTestlist/classInd.txt</c> with a number from 1 and a class a line,
/// <c>trainlist01.txt</c> with <c>CLASS/NAME.avi</c> and that number, <c>testlist01.txt</c> with <c>CLASS/NAME.avi</c> alone, three splits
/// of them, and the videos <c>UCF-101/CLASS/NAME.avi</c>.
/// </summary>
public static class Ucf101Dataset
{
    private const int Splits = 3;

    /// <summary>The parts: about 9,500 clips to train and 3,800 to test, in each of three splits.</summary>
    public static IReadOnlyList<string> Parts { get; } =
        [.. Enumerable.Range(1, Splits).SelectMany(split => new[] { $"train{split}", $"test{split}" })];

    /// <summary>Reads the lists. No video is opened.</summary>
    /// <param name="folder">The folder that the archives are unpacked in.</param>
    /// <param name="part">One of <see cref="Parts"/>.</param>
    /// <param name="root">Folder of the class folders with the videos; the usual one in <paramref name="folder"/> if null.</param>
    /// <exception cref="FileNotFoundException">A list, or every video of it, is not there.</exception>
    /// <exception cref="InvalidDataException">A list is damaged, names a class that is not in <c>classInd.txt</c>, or gives a class another
    /// number than that.</exception>
    public static LabelledDataset Open(string folder, string part, string? root = null)
    {
        string lists = ClipLists.FirstFolder(Path.Combine(folder, "ucfTrainTestlist"), Path.Combine(folder, "splits")) ?? folder;
        string videos = root ?? ClipLists.FirstFolder(Path.Combine(folder, "UCF-101"), Path.Combine(folder, "videos")) ?? folder;
        string[] classes = Classes(Path.Combine(lists, "classInd.txt"));
        bool train = part.StartsWith("train", StringComparison.Ordinal);
        string list = Path.Combine(lists, $"{part[..^1]}list0{part[^1]}.txt");
        ListBuilder clips = new(list, videos, "clips");
        foreach ((int line, string text) in ListFile.Lines(list))
        {
            (string path, string? number) = train ? ListFile.PathAndLabel(list, line, text) : (text, null);
            int slash = path.IndexOf('/', StringComparison.Ordinal), label = slash > 0 ? Array.IndexOf(classes, path[..slash]) : -1;
            if (label < 0) throw new InvalidDataException(
                $"{list}, line {line}: '{path}' is not CLASS/NAME with one of the {classes.Length} classes of classInd.txt.");
            if (number is not null && number != (label + 1).ToString(CultureInfo.InvariantCulture))
                throw new InvalidDataException(
                    $"{list}, line {line}: class number '{number}'; {classes[label]} is {label + 1} in classInd.txt.");
            clips.Add(line, path, classes[label]);
        }

        return ClipLists.Open(list, videos, clips.Items(classes));
    }

    private static string[] Classes(string file)
    {
        List<string> names = [];
        foreach ((int line, string text) in ListFile.Lines(file))
        {
            string[] parts = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (parts.Length != 2 || parts[0] != (names.Count + 1).ToString(CultureInfo.InvariantCulture) || names.Contains(parts[1]))
                throw new InvalidDataException(
                    $"{file}, line {line}: '{text}' is not the number {names.Count + 1} and the name of another class.");
            names.Add(parts[1]);
        }

        return names.Count > 0 ? [.. names] : throw new InvalidDataException($"{file} names no classes.");
    }
}
