using System.Collections.Concurrent;
using AdaptFormer.Data.Images;
using AdaptFormer.Data.Video;

namespace AdaptFormer.Data.Datasets;

/// <summary>Clips in video files, decoded by ffmpeg when they are asked for. What ffprobe says of a file is asked once.</summary>
public sealed class VideoFileDataset : ListedDataset
{
    /// <summary>Endings of files that folders of clips are searched for.</summary>
    public static IReadOnlyList<string> Extensions { get; } =
    [
        ".mp4", ".avi", ".webm", ".mkv", ".mov", ".mpg", ".mpeg", ".m4v", ".y4m", ".gif", ".wmv", ".asf", ".3gp", ".3g2", ".flv", ".f4v",
            ".ts", ".mts", ".m2ts", ".mpe",
        ".ogv", ".vob",
    ];

    private readonly ConcurrentDictionary<int, VideoInfo> _infos = new();

    /// <summary>A set of files; none is opened.</summary>
    /// <param name="name">What the set is.</param>
    /// <param name="paths">The files.</param>
    /// <param name="labels">The class of each.</param>
    /// <param name="classNames">Names of the classes.</param>
    /// <exception cref="ArgumentException">There are not as many labels as files, or one is out of range.</exception>
    public VideoFileDataset(string name, IReadOnlyList<string> paths, IReadOnlyList<int> labels, IReadOnlyList<string> classNames)
        : this(name, "", OneClassEach(name, paths, labels, classNames))
    {
    }

    /// <summary>The files of a list, which may leave out their endings.</summary>
    internal VideoFileDataset(string name, string root, ListedItems items)
        : base(name, root, items)
    {
    }

    /// <summary>The clip's file; without an ending in the list, with that of the file that is there.</summary>
    public override string FileOf(int index) => Locate(PathOf(index)) ?? PathOf(index);

    /// <summary>What ffprobe says of a clip.</summary>
    public override VideoInfo Info(int index) => _infos.GetOrAdd(index, i => FileOf(i) is var path && Directory.Exists(path)
        ? throw new InvalidDataException($"{path} is a folder and not a video; {ClipLists.OneKind}.")
        : FFmpeg.Probe(path));

    /// <inheritdoc/>
    public override bool OfClips => true;

    /// <inheritdoc/>
    public override int FrameCount(int index) => Info(index).Frames;

    /// <inheritdoc/>
    public override void Load(int index, ReadOnlySpan<int> frames, ClipBuffer into, int shortSide = WholeFrames) =>
        FFmpeg.Decode(FileOf(index), Info(index), frames, into, shortSide);

    /// <inheritdoc/>
    public override void ForEachFrame(int index, int every, int shortSide, Action<ImageBuffer> take) =>
        FFmpeg.DecodeAll(FileOf(index), Info(index), every, shortSide, take);

    /// <summary>The file or folder that a list means, whose paths may lack the ending of a video; null if there is none.</summary>
    internal static string? Locate(string path) => Path.Exists(path)
        ? path
        : Extensions.Select(ending => path + ending).FirstOrDefault(File.Exists);

    /// <summary>Whether a file's ending is that of a video.</summary>
    internal static bool IsVideo(string path) => Extensions.Contains(Path.GetExtension(path).ToLowerInvariant());
}
