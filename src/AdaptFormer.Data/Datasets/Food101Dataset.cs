namespace AdaptFormer.Data.Datasets;

/// <summary>
/// Food-101 (Bossard et al. 2014) as its authors publish it: <c>images/CLASS/ID.jpg</c>, and in <c>meta</c> the lists
/// <c>classes.txt</c>, <c>train.txt</c> and <c>test.txt</c> with <c>CLASS/ID</c> a line.
/// </summary>
public static class Food101Dataset
{
    /// <summary>Reads the lists. No picture is opened.</summary>
    /// <param name="folder">The unpacked folder <c>food-101</c>.</param>
    /// <param name="part"><c>train</c> or <c>test</c>.</param>
    /// <exception cref="FileNotFoundException">A list is not there.</exception>
    /// <exception cref="InvalidDataException">A line names no class of <c>classes.txt</c>, or a class has no picture.</exception>
    public static ImageListDataset Open(string folder, string part)
    {
        string[] names = ListFile.Names(Path.Combine(folder, "meta", "classes.txt"));
        string list = Path.Combine(folder, "meta", $"{part}.txt"), images = Path.Combine(folder, "images");
        ListBuilder lines = new(list, images);
        foreach ((int line, string text) in ListFile.Lines(list))
        {
            int slash = text.IndexOf('/', StringComparison.Ordinal);
            if (slash <= 0) throw new InvalidDataException($"{list}, line {line}: '{text}' is not CLASS/ID.");
            lines.Add(line, $"{text}.jpg", text.AsSpan(0, slash));
        }

        return new ImageListDataset(list, images, lines.Items(names));
    }
}
