namespace AdaptFormer.Data;

/// <summary>
/// A folder with one subfolder per class: <c>root/cat/1.jpg</c>, <c>root/dog/a/2.png</c>. Classes are the subfolders' names in
/// ordinal order, pictures the files below them with a picture's extension, in ordinal order of their paths.
/// </summary>
public sealed class ImageFolderDataset : ImageListDataset
{
    private static readonly HashSet<string> Extensions = new(StringComparer.OrdinalIgnoreCase)
        { ".jpg", ".jpeg", ".jpe", ".png", ".bmp", ".ppm", ".pgm", ".pnm", ".webp" };

    private static readonly EnumerationOptions Below = new() { RecurseSubdirectories = true, MaxRecursionDepth = 16, IgnoreInaccessible = false };

    private ImageFolderDataset(string root, string[] names, PathList files, int[] labels, int skipped)
        : base(root, root, names, files, labels) => SkippedFiles = skipped;

    /// <summary>Number of files in the class folders that were left out because their extension is not a picture's.</summary>
    public int SkippedFiles { get; }

    /// <summary>Extensions that a picture's file may have, with their dots.</summary>
    public static IReadOnlyCollection<string> PictureExtensions => Extensions;

    /// <summary>The files below <paramref name="folder"/> with a picture's extension, in no particular order.</summary>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    public static IEnumerable<string> PicturesBelow(string folder) =>
        Directory.EnumerateFiles(folder, "*", Below).Where(file => Extensions.Contains(Path.GetExtension(file)));

    /// <summary>Lists a folder. No picture is opened.</summary>
    /// <param name="root">The folder that holds the class folders.</param>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="InvalidDataException">There are no class folders, or some hold no pictures; the message names those.</exception>
    public static ImageFolderDataset Open(string root)
    {
        if (!Directory.Exists(root)) throw new DirectoryNotFoundException($"There is no folder '{root}'; expected one that holds a folder of pictures per class.");
        string[] names = [.. Directory.EnumerateDirectories(root).Select(d => Path.GetFileName(d)!).Where(d => d[0] != '.').Order(StringComparer.Ordinal)];
        if (names.Length == 0) throw new InvalidDataException($"{root} has no subfolders; expected one folder of pictures per class, such as {Path.Combine(root, "cat", "1.jpg")}.");

        PathList files = new();
        List<string> empty = [];
        List<int> labels = [];
        int skipped = 0;
        for (int label = 0; label < names.Length; label++)
        {
            string[] all = [.. Directory.EnumerateFiles(Path.Combine(root, names[label]), "*", Below).Order(StringComparer.Ordinal)];
            string[] pictures = [.. all.Where(f => Extensions.Contains(Path.GetExtension(f)))];
            skipped += all.Length - pictures.Length;
            if (pictures.Length == 0) empty.Add(names[label]);
            foreach (string file in pictures)
            {
                files.Add(Path.GetRelativePath(root, file));
                labels.Add(label);
            }
        }

        if (empty.Count > 0)
        {
            throw new InvalidDataException($"{root}: no pictures in class folder {string.Join(", ", empty.Take(12))}"
                + $"{(empty.Count > 12 ? $" and {empty.Count - 12} more" : "")}; add some ({string.Join(" ", Extensions)}) or remove the folder.");
        }

        return new ImageFolderDataset(root, names, files, [.. labels], skipped);
    }
}
