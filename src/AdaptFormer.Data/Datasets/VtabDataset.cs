using System.Globalization;

namespace AdaptFormer.Data.Datasets;

/// <summary>
/// One task of VTAB-1k (Zhai et al. 2019) in the layout that adapter papers share: pictures, and beside them the lists
/// <c>train800.txt</c>, <c>val200.txt</c>, <c>train800val200.txt</c> and <c>test.txt</c> with a path, a blank and a class number a line.
/// </summary>
public static class VtabDataset
{
    /// <summary>The lists, without their extension.</summary>
    public static IReadOnlyList<string> Parts { get; } = ["train800val200", "train800", "val200", "test"];

    /// <summary>Reads a list. No picture is opened. There are as many classes as the largest number in any of the task's lists says, so
    /// that all parts agree.</summary>
    /// <param name="folder">The folder of one task.</param>
    /// <param name="part">One of <see cref="Parts"/>.</param>
    /// <exception cref="FileNotFoundException">The list is not there.</exception>
    /// <exception cref="InvalidDataException">A line is malformed, or its path leads out of the folder.</exception>
    public static ImageListDataset Open(string folder, string part)
    {
        string list = Path.Combine(folder, $"{part}.txt");
        ListBuilder lines = new(list, folder);
        foreach ((int line, string text) in ListFile.Lines(list))
        {
            (string path, string label) = ListFile.PathAndLabel(list, line, text);
            _ = Number(list, line, label);
            lines.Add(line, path, label);
        }

        int classes = Parts.Select(p => Path.Combine(folder, $"{p}.txt")).Where(File.Exists).Max(LargestLabel) + 1;
        return new ImageListDataset(list, folder, lines.Items(ListBuilder.NumberNames(classes)));
    }

    private static int LargestLabel(string list) =>
        ListFile.Lines(list).Select(line => Number(list, line.Line, ListFile.PathAndLabel(list, line.Line, line.Text).Label))
            .DefaultIfEmpty(0).Max();

    private static int Number(string list, int line, string label) =>
        int.TryParse(label, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number < 100_000
        ? number
        : throw new InvalidDataException($"{list}, line {line}: '{label}' is not the number of a class.");
}
