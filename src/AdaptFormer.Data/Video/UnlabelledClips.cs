namespace AdaptFormer.Data;

/// <summary>Clips without labels, in the order given, video files and folders of frames side by side: what is to be predicted, or seen
/// without labels. All belong to one class without a name.</summary>
public sealed class UnlabelledClips : ClipDataset
{
    private readonly VideoFileDataset _files;
    private readonly FrameFolderDataset _folders;
    private readonly (ClipDataset Set, int Index)[] _clips;

    /// <summary>A set of these clips. None is opened.</summary>
    /// <param name="clips">Paths of video files and of folders of frames.</param>
    public UnlabelledClips(IEnumerable<string> clips)
    {
        string[] paths = [.. clips];
        (string[] folders, string[] files) = ([.. paths.Where(Directory.Exists)], [.. paths.Where(path => !Directory.Exists(path))]);
        Name = paths.Length == 1 ? paths[0] : $"{paths.Length} clips";
        _files = new VideoFileDataset(Name, files, new int[files.Length], ClassNames);
        _folders = new FrameFolderDataset(Name, [.. folders.Select(folder => new FrameFolderDataset.Clip(folder, 0))], ClassNames);
        (int file, int folder) = (0, 0);
        _clips = [.. paths.Select(path => Directory.Exists(path) ? ((ClipDataset)_folders, folder++) : (_files, file++))];
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override int Count => _clips.Length;

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames { get; } = [""];

    /// <summary>
    /// The clips that paths mean: a file is one, a folder with pictures in it is one, and of any other folder all that are below it, in
    /// ordinal order.
    /// </summary>
    /// <param name="paths">Files and folders.</param>
    /// <exception cref="FileNotFoundException">There is nothing at a path; all such paths are named.</exception>
    /// <exception cref="InvalidDataException">A folder holds no clips.</exception>
    public static UnlabelledClips Of(IReadOnlyList<string> paths)
    {
        FileListDataset.RequireAll(paths);
        return new UnlabelledClips(paths.SelectMany(path => Directory.Exists(path) ? ClipsIn(path) : [path]));
    }

    /// <inheritdoc/>
    public override int Label(int index) => 0;

    /// <inheritdoc/>
    public override string Source(int index) => _clips[index].Set.Source(_clips[index].Index);

    /// <inheritdoc/>
    public override string FileOf(int index) => _clips[index].Set.FileOf(_clips[index].Index);

    /// <inheritdoc/>
    public override bool IsThere(int index) => _clips[index].Set.IsThere(_clips[index].Index);

    internal override FileState StateOf(int index) => _clips[index].Set.StateOf(_clips[index].Index);

    /// <inheritdoc/>
    public override int FrameCount(int index) => _clips[index].Set.FrameCount(_clips[index].Index);

    /// <inheritdoc/>
    public override void Load(int index, ReadOnlySpan<int> frames, ClipBuffer into, int shortSide = WholeFrames) =>
        _clips[index].Set.Load(_clips[index].Index, frames, into, shortSide);

    /// <inheritdoc/>
    public override string? FrameFile(int index, int frame) => _clips[index].Set.FrameFile(_clips[index].Index, frame);

    /// <inheritdoc/>
    public override void ForEachFrame(int index, int every, int shortSide, Action<ImageBuffer> take) => _clips[index].Set.ForEachFrame(_clips[index].Index, every, shortSide, take);

    private static List<string> ClipsIn(string folder)
    {
        List<string> clips = [];
        Collect(folder, clips);
        return clips.Count > 0 ? clips : throw new InvalidDataException($"{folder} holds no clips: neither videos ({string.Join(" ", VideoFileDataset.Extensions)}) nor folders of frames.");
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
