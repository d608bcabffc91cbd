using System.Collections.Concurrent;

namespace AdaptFormer.Data;

/// <summary>Clips in video files, decoded by ffmpeg when they are asked for. What ffprobe says of a file is asked once.</summary>
public sealed class VideoFileDataset : ClipDataset
{
    /// <summary>Endings of files that folders of clips are searched for.</summary>
    public static IReadOnlyList<string> Extensions { get; } = [".mp4", ".avi", ".webm", ".mkv", ".mov", ".mpg", ".mpeg", ".m4v", ".y4m", ".gif"];

    private readonly IReadOnlyList<string> _paths;
    private readonly IReadOnlyList<int> _labels;
    private readonly ConcurrentDictionary<int, VideoInfo> _infos = new();

    /// <summary>A set of files; none is opened.</summary>
    /// <param name="name">What the set is.</param>
    /// <param name="paths">The files.</param>
    /// <param name="labels">The class of each.</param>
    /// <param name="classNames">Names of the classes.</param>
    /// <exception cref="ArgumentException">There are not as many labels as files, or one is out of range.</exception>
    public VideoFileDataset(string name, IReadOnlyList<string> paths, IReadOnlyList<int> labels, IReadOnlyList<string> classNames)
    {
        if (paths.Count != labels.Count) throw new ArgumentException($"{name}: {paths.Count} clips and {labels.Count} labels.");
        if (labels.Any(label => label < 0 || label >= classNames.Count)) throw new ArgumentException($"{name}: a label is not in [0, {classNames.Count}).");
        (Name, _paths, _labels, ClassNames) = (name, paths, labels, classNames);
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override int Count => _paths.Count;

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames { get; }

    /// <inheritdoc/>
    public override int Label(int index) => _labels[index];

    /// <inheritdoc/>
    public override string Source(int index) => _paths[index];

    /// <summary>What ffprobe says of a clip.</summary>
    public VideoInfo Info(int index) => _infos.GetOrAdd(index, i => FFmpeg.Probe(_paths[i]));

    /// <inheritdoc/>
    public override int FrameCount(int index) => Info(index).Frames;

    /// <inheritdoc/>
    public override void Load(int index, ReadOnlySpan<int> frames, ClipBuffer into) => FFmpeg.Decode(_paths[index], Info(index), frames, into);

    /// <summary>A folder with one sub-folder of video files for each class.</summary>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="InvalidDataException">It has no class folders, or one without videos.</exception>
    public static VideoFileDataset OpenFolder(string folder)
    {
        if (!Directory.Exists(folder)) throw new DirectoryNotFoundException($"There is no folder '{folder}'.");
        string[] classes = [.. Directory.GetDirectories(folder).Order(StringComparer.Ordinal)];
        if (classes.Length == 0) throw new InvalidDataException($"{folder}: expected one folder of videos for each class, found no folders.");
        List<string> paths = [];
        List<int> labels = [];
        for (int c = 0; c < classes.Length; c++)
        {
            string[] clips = [.. Directory.EnumerateFiles(classes[c], "*", SearchOption.AllDirectories).Where(IsVideo).Order(StringComparer.Ordinal)];
            if (clips.Length == 0) throw new InvalidDataException($"{classes[c]}: the class has no videos ({string.Join(" ", Extensions)}).");
            paths.AddRange(clips);
            labels.AddRange(Enumerable.Repeat(c, clips.Length));
        }

        return new VideoFileDataset(folder, paths, labels, [.. classes.Select(path => Path.GetFileName(path)!)]);
    }

    /// <summary>Whether a file's ending is that of a video.</summary>
    internal static bool IsVideo(string path) => Extensions.Contains(Path.GetExtension(path).ToLowerInvariant());
}
