namespace AdaptFormer.Data.Datasets;

/// <summary>
/// Oxford 102 Flowers (Nilsback and Zisserman 2008) as its authors publish it: <c>jpg/image_00001.jpg</c> and so on, the classes 1 to
/// 102 of all pictures in <c>imagelabels.mat</c>, the numbers of the pictures of each part in <c>setid.mat</c>. The classes have no names
/// there; they are called by their numbers, from 1.
/// </summary>
public static class Flowers102Dataset
{
    private const int Classes = 102;

    private static readonly Dictionary<string, string> Variables = new() { ["train"] = "trnid", ["val"] = "valid", ["test"] = "tstid" };

    /// <summary>The parts: 1,020 pictures to train, 1,020 to validate, 6,149 to test.</summary>
    public static IReadOnlyList<string> Parts { get; } = [.. Variables.Keys];

    /// <summary>Reads the lists. No picture is opened.</summary>
    /// <param name="folder">The folder with the two files and <c>jpg</c>.</param>
    /// <param name="part">One of <see cref="Parts"/>.</param>
    /// <exception cref="FileNotFoundException">A file is not there.</exception>
    /// <exception cref="InvalidDataException">A file is damaged, or a label or number is out of range.</exception>
    public static ImageListDataset Open(string folder, string part)
    {
        string labelFile = Path.Combine(folder, "imagelabels.mat"), setFile = Path.Combine(folder, "setid.mat"),
            pictures = Path.Combine(folder, "jpg");
        double[] all = Variable(labelFile, "labels"), ids = Variable(setFile, Variables[part]);
        int wrong = Array.FindIndex(all, label => !(label is >= 1 and <= Classes && label == Math.Floor(label)));
        if (wrong >= 0) throw new InvalidDataException(
            $"{labelFile}: label {all[wrong]} of picture {wrong + 1} is out of range; expected 1 to {Classes}.");

        PathList paths = new();
        int[] labels = new int[ids.Length];
        for (int i = 0; i < ids.Length; i++)
        {
            if (!(ids[i] >= 1 && ids[i] <= all.Length && ids[i] == Math.Floor(ids[i])))
                throw new InvalidDataException(
                    $"{setFile}: {Variables[part]} names picture {ids[i]}; {labelFile} has labels for pictures 1 to {all.Length}.");
            paths.Add($"image_{(int)ids[i]:00000}.jpg");
            labels[i] = (int)all[(int)ids[i] - 1] - 1;
        }

        string[] names = [.. Enumerable.Range(1, Classes).Select(i => $"{i}")];
        return new ImageListDataset($"{folder} ({part})", pictures, new ListedItems(names, paths, labels));
    }

    private static double[] Variable(string file, string name)
    {
        if (!File.Exists(file))
            throw new FileNotFoundException(
                $"There is no file '{file}'; the flowers come with imagelabels.mat, setid.mat and the folder jpg.", file);
        Dictionary<string, MatArray> variables = MatFile.Read(file);
        return variables.TryGetValue(name, out MatArray? value) && value.Fields is null && value.Data.Length > 0
            ? value.Numbers()
            : throw new InvalidDataException(
                $"{file}: expected numbers called {name}; found {(variables.Count == 0 ? "none" : string.Join(", ", variables.Keys))}.");
    }
}
