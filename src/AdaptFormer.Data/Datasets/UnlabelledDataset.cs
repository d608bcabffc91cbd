using AdaptFormer.Data.Images;
using AdaptFormer.Data.Video;

namespace AdaptFormer.Data.Datasets;

/// <summary>
/// Items without labels, in the order given: what is to be predicted, or seen without labels. Pictures; or clips, video files and folders
/// of frames side by side. All belong to one class without a name.
/// </summary>
public sealed class UnlabelledDataset : LabelledDataset
{
    private readonly (LabelledDataset Set, int Index)[] _items;

    private UnlabelledDataset(IEnumerable<string> items, bool clips)
    {
        string[] paths = [.. items];
        string[] folders = clips ? [.. paths.Where(Directory.Exists)] : [], files = clips
            ? [.. paths.Where(path => !Directory.Exists(path))] : paths;
        Name = paths.Length == 1 ? paths[0] : $"{paths.Length} {(clips ? "clips" : "files")}";
        OfClips = clips;
        LabelledDataset single = clips
            ? new VideoFileDataset(Name, files, new int[files.Length], ClassNames)
            : new ImageListDataset(Name, files, new int[files.Length], ClassNames);
        FrameFolderDataset frames = new(Name, [.. folders.Select(folder => new FrameFolderDataset.Clip(folder, 0))], ClassNames);
        (int file, int folder) = (0, 0);
        _items = [.. paths.Select(path => clips && Directory.Exists(path) ? ((LabelledDataset)frames, folder++) : (single, file++))];
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override int Count => _items.Length;

    /// <inheritdoc/>
    public override bool OfClips { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames { get; } = [""];

    /// <summary>
    /// The items that paths mean: a file is one, and of a folder all that are below it, in ordinal order. Where clips are meant, a folder
    /// with pictures in it is one clip. None is opened.
    /// </summary>
    /// <param name="paths">Files and folders.</param>
    /// <param name="clips">Whether clips are meant.</param>
    /// <exception cref="FileNotFoundException">There is nothing at a path; all such paths are named.</exception>
    /// <exception cref="InvalidDataException">A folder holds nothing of the kind.</exception>
    public static UnlabelledDataset Of(IReadOnlyList<string> paths, bool clips = false)
    {
        RequireAll(paths);
        return new UnlabelledDataset(paths.SelectMany(path => Items(path, clips)), clips);
    }

    /// <summary>Makes sure that there is something at every path.</summary>
    /// <exception cref="FileNotFoundException">There is nothing at a path; all such paths are named.</exception>
    public static void RequireAll(IReadOnlyList<string> paths)
    {
        string[] missing = [.. paths.Where(path => !Path.Exists(path))];
        if (missing.Length > 0)
            throw new FileNotFoundException(
                $"There is no file or folder {string.Join(", ", missing.Select(path => $"'{path}'"))}.", missing[0]);
    }

    /// <inheritdoc/>
    public override int Label(int index) => 0;

    /// <inheritdoc/>
    public override string Source(int index) =>
        _items[index].Set.Source(_items[index].Index);

    /// <inheritdoc/>
    public override string FileOf(int index) =>
        _items[index].Set.FileOf(_items[index].Index);

    /// <inheritdoc/>
    public override IReadOnlyList<string> FilesOf(int index) =>
        _items[index].Set.FilesOf(_items[index].Index);

    /// <inheritdoc/>
    public override bool IsThere(int index) =>
        _items[index].Set.IsThere(_items[index].Index);

    /// <inheritdoc/>
    public override int FrameCount(int index) =>
        _items[index].Set.FrameCount(_items[index].Index);

    /// <inheritdoc/>
    public override VideoInfo Info(int index) =>
        _items[index].Set.Info(_items[index].Index);

    /// <inheritdoc/>
    public override void Load(int index, ImageBuffer into) =>
        _items[index].Set.Load(_items[index].Index, into);

    /// <inheritdoc/>
    public override void Load(int index, ReadOnlySpan<int> frames, ClipBuffer into, int shortSide = WholeFrames) =>
        _items[index].Set.Load(_items[index].Index, frames, into, shortSide);

    /// <inheritdoc/>
    public override string? FrameFile(int index, int frame) =>
        _items[index].Set.FrameFile(_items[index].Index, frame);

    /// <inheritdoc/>
    public override void ForEachFrame(int index, int every, int shortSide, Action<ImageBuffer> take) =>
        _items[index].Set.ForEachFrame(_items[index].Index, every, shortSide, take);

    internal override FileState StateOf(int index) => _items[index].Set.StateOf(_items[index].Index);

    private static IReadOnlyList<string> Items(string path, bool clips) => !Directory.Exists(path) ? [path] : clips ? ClipsIn(path)
        : PicturesIn(path);

    private static string[] PicturesIn(string folder)
    {
        string[] pictures = [.. VisibleFiles.Below(folder).Where(PictureFiles.IsPicture).Order(StringComparer.Ordinal)];
        return pictures.Length > 0
            ? pictures
            : throw new InvalidDataException($"{folder} holds no pictures ({string.Join(" ", PictureFiles.Endings)}).");
    }

    private static List<string> ClipsIn(string folder)
    {
        List<string> clips = [];
        Collect(folder, clips);
        return clips.Count > 0
            ? clips
            : throw new InvalidDataException(
                $"{folder} holds no clips: neither videos ({string.Join(" ", VideoFileDataset.Extensions)}) nor folders of frames.");
    }

    private static void Collect(string folder, List<string> clips)
    {
        if (VisibleFiles.Files(folder).Any(PictureFiles.IsFrame))
        {
            clips.Add(folder);
            return;
        }

        IEnumerable<string> folders = VisibleFiles.Folders(folder).Select(name => Path.Combine(folder, name));
        foreach (string entry in VisibleFiles.Files(folder).Where(VideoFileDataset.IsVideo).Concat(folders).Order(StringComparer.Ordinal))
        {
            if (Directory.Exists(entry)) Collect(entry, clips);
            else clips.Add(entry);
        }
    }
}
