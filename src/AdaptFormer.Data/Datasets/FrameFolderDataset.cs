using AdaptFormer.Data.Images;

namespace AdaptFormer.Data.Datasets;

/// <summary>Clips as folders of pictures, one a frame, in the order of their names, numbers in them compared as numbers. A folder is listed
/// once; its names stay in memory as UTF-8.</summary>
public sealed class FrameFolderDataset : ListedDataset
{
    private readonly IReadOnlyList<(int First, int? Last)>? _ranges;
    private readonly PathList?[] _names;

    /// <summary>One clip.</summary>
    /// <param name="Folder">Its folder.</param>
    /// <param name="Label">Its class.</param>
    /// <param name="First">Position of its first frame among the folder's pictures, from 0.</param>
    /// <param name="Last">Position of its last frame; the folder's last if null.</param>
    public sealed record Clip(string Folder, int Label, int First = 0, int? Last = null);

    /// <summary>A set of frame folders; none is opened.</summary>
    /// <param name="name">What the set is.</param>
    /// <param name="clips">The clips.</param>
    /// <param name="classNames">Names of the classes.</param>
    /// <exception cref="ArgumentException">A label is out of range.</exception>
    public FrameFolderDataset(string name, IReadOnlyList<Clip> clips, IReadOnlyList<string> classNames)
        : this(name, "", OneClassEach(name, [.. clips.Select(clip => clip.Folder)], [.. clips.Select(clip => clip.Label)], classNames),
            [.. clips.Select(clip => (clip.First, clip.Last))])
    {
    }

    /// <summary>The folders of a list.</summary>
    /// <param name="name">What the set is.</param>
    /// <param name="root">The folder that relative paths count from.</param>
    /// <param name="items">The folders.</param>
    /// <param name="ranges">Positions of the first and last frame of each among its folder's pictures, from 0; null takes all
    /// frames.</param>
    internal FrameFolderDataset(string name, string root, ListedItems items, IReadOnlyList<(int First, int? Last)>? ranges = null)
        : base(name, root, items) => (_ranges, _names) = (ranges, new PathList?[items.Paths.Count]);

    /// <inheritdoc/>
    public override string FileOf(int index) => Directory.Exists(PathOf(index)) ? FrameFile(index, 0) : PathOf(index);

    /// <summary>The clip's folder, and which of its frames if it is a part of them.</summary>
    public override string Source(int index) => _ranges?[index] is (var first, { } last)
        ? $"{PathOf(index)} (frames {first + 1} to {last + 1})"
        : PathOf(index);

    /// <summary>Whether the clip's folder is there.</summary>
    public override bool IsThere(int index) => Directory.Exists(PathOf(index));

    internal override FileState StateOf(int index) => FileState.OfFolder(PathOf(index));

    /// <inheritdoc/>
    public override IReadOnlyList<string> FilesOf(int index) =>
        [.. Enumerable.Range(0, FrameCount(index)).Select(t => FrameFile(index, t))];

    /// <inheritdoc/>
    public override bool OfClips => true;

    /// <inheritdoc/>
    public override int FrameCount(int index) => Names(index).Count;

    /// <inheritdoc/>
    public override void Load(int index, ReadOnlySpan<int> frames, ClipBuffer into, int shortSide = WholeFrames)
    {
        into.Reset(frames.Length);
        for (int t = 0; t < frames.Length; t++)
        {
            if (t > 0 && frames[t] == frames[t - 1]) into[t].CopyFrom(into[t - 1]);
            else ImageDecoder.Decode(FrameFile(index, frames[t]), into[t]);
            if (into[t].Width != into[0].Width || into[t].Height != into[0].Height)
                throw new InvalidDataException(
                    $"{FrameFile(index, frames[t])}: it is {into[t].Width}x{into[t].Height} pixels, the clip's first frame "
                        + $"{into[0].Width}x{into[0].Height}.");
        }
    }

    /// <inheritdoc/>
    public override string FrameFile(int index, int frame) => Path.Combine(PathOf(index), Names(index)[frame]);

    private PathList Names(int index)
    {
        if (Volatile.Read(ref _names[index]) is { } known) return known;
        string folder = PathOf(index);
        if (!Directory.Exists(folder))
        {
            throw VideoFileDataset.Locate(folder) is { } file
                ? new InvalidDataException($"{file} is a file and not a folder of frames; {ClipLists.OneKind}.")
                : new DirectoryNotFoundException($"There is no folder of frames '{folder}'.");
        }

        string[] all = [.. VisibleFiles.Files(folder).Where(PictureFiles.IsFrame).Select(file => Path.GetFileName(file))
            .Order(NaturalOrder.Comparer)];
        (int first, int? end) = _ranges?[index] ?? (0, null);
        int last = end ?? all.Length - 1;
        if (all.Length == 0 || first < 0 || first > last || last >= all.Length)
            throw new InvalidDataException($"{folder}: frames {first} to {last} were asked for, counted from 0, and it has {all.Length}.");
        PathList names = new();
        foreach (string file in all.AsSpan(first..(last + 1))) names.Add(file);
        names.Trim();
        Volatile.Write(ref _names[index], names);
        return names;
    }
}
