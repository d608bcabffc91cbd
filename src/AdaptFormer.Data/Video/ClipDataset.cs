namespace AdaptFormer.Data;

/// <summary>Labelled clips.</summary>
public abstract class ClipDataset : LabelledDataset
{
    /// <summary>Frames of any size come as they are.</summary>
    public const int WholeFrames = int.MaxValue;

    /// <summary>Number of frames that a clip has.</summary>
    /// <param name="index">Clip, in [0, <see cref="LabelledDataset.Count"/>).</param>
    /// <exception cref="InvalidDataException">The clip is damaged; the message names it.</exception>
    /// <exception cref="IOException">The clip cannot be read.</exception>
    public abstract int FrameCount(int index);

    /// <summary>Size, number of frames and rate of a clip.</summary>
    /// <param name="index">Clip, in [0, <see cref="LabelledDataset.Count"/>).</param>
    /// <exception cref="InvalidDataException">The clip is damaged; the message names it.</exception>
    /// <exception cref="IOException">The clip cannot be read.</exception>
    public virtual VideoInfo Info(int index)
    {
        int frames = FrameCount(index);
        using ClipBuffer first = new();
        Load(index, [0], first);
        return new VideoInfo(first[0].Width, first[0].Height, frames, FramesPerSecond: 0) { Orientation = first[0].Orientation };
    }

    /// <summary>Reads some frames of a clip.</summary>
    /// <param name="index">Clip, in [0, <see cref="LabelledDataset.Count"/>).</param>
    /// <param name="frames">Their numbers, from 0, ascending; a number may stand there several times.</param>
    /// <param name="into">Receives as many frames.</param>
    /// <param name="shortSide">Frames of a video may come reduced to this shorter side, in pixels.</param>
    /// <exception cref="InvalidDataException">The clip is damaged; the message names it.</exception>
    /// <exception cref="IOException">The clip cannot be read.</exception>
    public abstract void Load(int index, ReadOnlySpan<int> frames, ClipBuffer into, int shortSide = WholeFrames);

    /// <summary>The picture file that a frame is; null where frames are no files of their own.</summary>
    /// <param name="index">Clip, in [0, <see cref="LabelledDataset.Count"/>).</param>
    /// <param name="frame">Its number, in [0, <see cref="FrameCount"/>).</param>
    public virtual string? FrameFile(int index, int frame) => null;

    /// <summary>Hands over frames of a clip one after the other, however many there are, in memory for a few.</summary>
    /// <param name="index">Clip, in [0, <see cref="LabelledDataset.Count"/>).</param>
    /// <param name="every">Distance of the frames: 0, <paramref name="every"/>, 2·<paramref name="every"/>…</param>
    /// <param name="shortSide">Frames may come reduced to this shorter side.</param>
    /// <param name="take">Gets each frame; its memory is used again for the next.</param>
    /// <exception cref="InvalidDataException">The clip is damaged; the message names it.</exception>
    /// <exception cref="IOException">The clip cannot be read.</exception>
    public virtual void ForEachFrame(int index, int every, int shortSide, Action<ImageBuffer> take)
    {
        using ClipBuffer frame = new();
        for (int t = 0; t < FrameCount(index); t += every)
        {
            Load(index, [t], frame);
            take(frame[0]);
        }
    }
}

/// <summary>Some clips of a set, in their order.</summary>
/// <param name="parent">The whole set.</param>
/// <param name="indices">Positions in it.</param>
/// <param name="name">What this part is.</param>
public sealed class ClipSubset(ClipDataset parent, IEnumerable<int> indices, string name) : ClipDataset
{
    private readonly int[] _indices = [.. indices];

    /// <summary>Positions of this set's clips in the whole set.</summary>
    public IReadOnlyList<int> Indices => _indices;

    /// <inheritdoc/>
    public override string Name => $"{parent.Name} ({name})";

    /// <inheritdoc/>
    public override int Count => _indices.Length;

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames => parent.ClassNames;

    /// <inheritdoc/>
    public override bool MultiLabel => parent.MultiLabel;

    /// <inheritdoc/>
    public override IReadOnlyList<int> Labels(int index) => parent.Labels(_indices[index]);

    /// <inheritdoc/>
    public override IReadOnlyList<string> Notes => parent.Notes;

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, int> LeftOut => parent.LeftOut;

    internal override FileState StateOf(int index) => parent.StateOf(_indices[index]);

    /// <inheritdoc/>
    public override int Label(int index) => parent.Label(_indices[index]);

    /// <inheritdoc/>
    public override string Source(int index) => parent.Source(_indices[index]);

    /// <inheritdoc/>
    public override string FileOf(int index) => parent.FileOf(_indices[index]);

    /// <inheritdoc/>
    public override bool IsThere(int index) => parent.IsThere(_indices[index]);

    /// <inheritdoc/>
    public override int FrameCount(int index) => parent.FrameCount(_indices[index]);

    /// <inheritdoc/>
    public override VideoInfo Info(int index) => parent.Info(_indices[index]);

    /// <inheritdoc/>
    public override IReadOnlyList<string> FilesOf(int index) => parent.FilesOf(_indices[index]);

    /// <inheritdoc/>
    public override void Load(int index, ReadOnlySpan<int> frames, ClipBuffer into, int shortSide = WholeFrames) =>
        parent.Load(_indices[index], frames, into, shortSide);

    /// <inheritdoc/>
    public override string? FrameFile(int index, int frame) => parent.FrameFile(_indices[index], frame);

    /// <inheritdoc/>
    public override void ForEachFrame(int index, int every, int shortSide, Action<ImageBuffer> take) => parent.ForEachFrame(_indices[index], every, shortSide, take);
}
