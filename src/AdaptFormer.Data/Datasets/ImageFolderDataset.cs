namespace AdaptFormer.Data;

/// <summary>
/// A folder with one subfolder per class: <c>root/cat/1.jpg</c>, <c>root/dog/a/2.png</c>. Classes are the subfolders' names in
/// ordinal order, pictures the files below them with a picture's extension, in ordinal order of their paths.
/// </summary>
public sealed class ImageFolderDataset : ImageListDataset
{
    private ImageFolderDataset(string root, ListedItems items)
        : base(root, root, items)
    {
    }

    /// <summary>Extensions that a picture's file may have, with their dots.</summary>
    public static IReadOnlyCollection<string> PictureExtensions => PictureFiles.Endings;

    /// <summary>Lists a folder. No picture is opened.</summary>
    /// <param name="root">The folder that holds the class folders.</param>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="InvalidDataException">There are no class folders, or some hold no pictures; the message names those.</exception>
    public static ImageFolderDataset Open(string root)
    {
        if (!Directory.Exists(root)) throw new DirectoryNotFoundException($"There is no folder '{root}'; expected one that holds a folder of pictures per class.");
        string[] names = VisibleFiles.Folders(root);
        if (names.Length == 0) throw new InvalidDataException($"{root} has no subfolders; expected one folder of pictures per class, such as {Path.Combine(root, "cat", "1.jpg")}.");

        PathList files = new();
        List<string> empty = [];
        List<int> labels = [];
        LeftOutFiles leftOut = new();
        foreach (string file in VisibleFiles.Files(root)) leftOut.Add(file);
        for (int label = 0; label < names.Length; label++)
        {
            int before = files.Count;
            foreach (string file in VisibleFiles.Below(Path.Combine(root, names[label])).Order(StringComparer.Ordinal))
            {
                if (!PictureFiles.IsPicture(file))
                {
                    leftOut.Add(file);
                    continue;
                }

                files.Add(Path.GetRelativePath(root, file));
                labels.Add(label);
            }

            if (files.Count == before) empty.Add(names[label]);
        }

        if (empty.Count > 0)
        {
            throw new InvalidDataException($"{root}: no pictures in class folder {string.Join(", ", empty.Take(12))}"
                + $"{(empty.Count > 12 ? $" and {empty.Count - 12} more" : "")}; add some ({string.Join(" ", PictureExtensions)}) or remove the folder.");
        }

        return new ImageFolderDataset(root, new ListedItems(names, files, [.. labels]) { LeftOut = leftOut.Counts });
    }
}
