namespace AdaptFormer.Data;

/// <summary>Pictures without labels, in the order given: what is to be predicted. All belong to one class without a name.</summary>
public sealed class FileListDataset : ImageDataset
{
    private readonly string[] _files;

    /// <summary>A set of these files. None is opened.</summary>
    /// <param name="files">Paths of pictures.</param>
    public FileListDataset(IEnumerable<string> files) => _files = [.. files];

    /// <inheritdoc/>
    public override string Name => _files.Length == 1 ? _files[0] : $"{_files.Length} files";

    /// <inheritdoc/>
    public override int Count => _files.Length;

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames { get; } = [""];

    /// <summary>The pictures that paths of files and folders mean: files as they are, folders with all pictures below them in ordinal
    /// order.</summary>
    /// <param name="paths">Files and folders.</param>
    /// <exception cref="FileNotFoundException">There is nothing at a path; all such paths are named.</exception>
    /// <exception cref="InvalidDataException">A folder holds no pictures.</exception>
    public static FileListDataset Of(IReadOnlyList<string> paths)
    {
        RequireAll(paths);
        return new FileListDataset(paths.SelectMany(path => Directory.Exists(path) ? PicturesIn(path) : [path]));
    }

    /// <summary>Makes sure that there is something at every path.</summary>
    /// <exception cref="FileNotFoundException">There is nothing at a path; all such paths are named.</exception>
    public static void RequireAll(IReadOnlyList<string> paths)
    {
        string[] missing = [.. paths.Where(path => !Path.Exists(path))];
        if (missing.Length > 0) throw new FileNotFoundException($"There is no file or folder {string.Join(", ", missing.Select(path => $"'{path}'"))}.", missing[0]);
    }

    /// <inheritdoc/>
    public override int Label(int index) => 0;

    /// <inheritdoc/>
    public override string Source(int index) => _files[index];

    /// <inheritdoc/>
    public override void Load(int index, ImageBuffer into) => ImageDecoder.Decode(_files[index], into);

    private static string[] PicturesIn(string folder)
    {
        string[] pictures = [.. VisibleFiles.Below(folder).Where(PictureFiles.IsPicture).Order(StringComparer.Ordinal)];
        return pictures.Length > 0 ? pictures : throw new InvalidDataException($"{folder} holds no pictures ({string.Join(" ", PictureFiles.Endings)}).");
    }
}
