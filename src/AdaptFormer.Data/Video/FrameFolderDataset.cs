namespace AdaptFormer.Data;

/// <summary>Clips as folders of pictures, one a frame, in the order of their names.</summary>
public sealed class FrameFolderDataset : ClipDataset
{
    private readonly IReadOnlyList<Clip> _clips;
    private readonly string[]?[] _files;

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
    {
        if (clips.Any(clip => clip.Label < 0 || clip.Label >= classNames.Count)) throw new ArgumentException($"{name}: a label is not in [0, {classNames.Count}).");
        (Name, _clips, ClassNames, _files) = (name, clips, classNames, new string[]?[clips.Count]);
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override int Count => _clips.Count;

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames { get; }

    /// <inheritdoc/>
    public override int Label(int index) => _clips[index].Label;

    /// <inheritdoc/>
    public override string Source(int index) => _clips[index].Folder;

    /// <inheritdoc/>
    public override string FileOf(int index) => Frames(index)[0];

    /// <inheritdoc/>
    public override int FrameCount(int index) => Frames(index).Length;

    /// <inheritdoc/>
    public override void Load(int index, ReadOnlySpan<int> frames, ClipBuffer into)
    {
        string[] files = Frames(index);
        into.Reset(frames.Length);
        for (int t = 0; t < frames.Length; t++)
        {
            if (t > 0 && frames[t] == frames[t - 1]) into[t].CopyFrom(into[t - 1]);
            else ImageDecoder.Decode(files[frames[t]], into[t]);
            if (into[t].Width != into[0].Width || into[t].Height != into[0].Height)
                throw new InvalidDataException($"{files[frames[t]]}: it is {into[t].Width}x{into[t].Height} pixels, the clip's first frame {into[0].Width}x{into[0].Height}.");
        }
    }

    private string[] Frames(int index)
    {
        if (Volatile.Read(ref _files[index]) is { } known) return known;
        Clip clip = _clips[index];
        if (!Directory.Exists(clip.Folder)) throw new DirectoryNotFoundException($"There is no folder of frames '{clip.Folder}'.");
        string[] all = [.. Directory.EnumerateFiles(clip.Folder).Where(IsPicture).Order(StringComparer.Ordinal)];
        int last = clip.Last ?? all.Length - 1;
        if (all.Length == 0 || clip.First < 0 || clip.First > last || last >= all.Length)
            throw new InvalidDataException($"{clip.Folder}: frames {clip.First} to {last} were asked for, it has {all.Length}.");
        string[] files = all[clip.First..(last + 1)];
        Volatile.Write(ref _files[index], files);
        return files;
    }

    private static bool IsPicture(string path) => ImageFolderDataset.PictureExtensions.Contains(Path.GetExtension(path).ToLowerInvariant());
}
