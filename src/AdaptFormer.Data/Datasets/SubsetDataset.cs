using AdaptFormer.Data.Images;
using AdaptFormer.Data.Video;

namespace AdaptFormer.Data.Datasets;

/// <summary>Some items of another data set, with its classes.</summary>
/// <param name="parent">The whole set.</param>
/// <param name="indices">Which of its items, in the order wanted.</param>
/// <param name="name">What to call the part, for example <c>validation</c>.</param>
public sealed class SubsetDataset(LabelledDataset parent, IEnumerable<int> indices, string name) : LabelledDataset
{
    private readonly int[] _indices = [.. indices];

    /// <summary>Positions of this set's items in the whole set.</summary>
    public IReadOnlyList<int> Indices => _indices;

    /// <inheritdoc/>
    public override string Name => $"{parent.Name} ({name})";

    /// <inheritdoc/>
    public override int Count => _indices.Length;

    /// <inheritdoc/>
    public override bool OfClips => parent.OfClips;

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames => parent.ClassNames;

    /// <inheritdoc/>
    public override bool MultiLabel => parent.MultiLabel;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Notes => parent.Notes;

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, int> LeftOut => parent.LeftOut;

    /// <inheritdoc/>
    public override bool IsThere(int index) => parent.IsThere(_indices[index]);

    /// <inheritdoc/>
    public override IReadOnlyList<int> Labels(int index) => parent.Labels(_indices[index]);

    /// <inheritdoc/>
    public override int Label(int index) => parent.Label(_indices[index]);

    /// <inheritdoc/>
    public override string Source(int index) => parent.Source(_indices[index]);

    /// <inheritdoc/>
    public override string FileOf(int index) => parent.FileOf(_indices[index]);

    /// <inheritdoc/>
    public override IReadOnlyList<string> FilesOf(int index) => parent.FilesOf(_indices[index]);

    /// <inheritdoc/>
    public override int FrameCount(int index) => parent.FrameCount(_indices[index]);

    /// <inheritdoc/>
    public override VideoInfo Info(int index) => parent.Info(_indices[index]);

    /// <inheritdoc/>
    public override void Load(int index, ImageBuffer into) => parent.Load(_indices[index], into);

    /// <inheritdoc/>
    public override void Load(int index, ReadOnlySpan<int> frames, ClipBuffer into, int shortSide = WholeFrames) =>
        parent.Load(_indices[index], frames, into, shortSide);

    /// <inheritdoc/>
    public override string? FrameFile(int index, int frame) => parent.FrameFile(_indices[index], frame);

    /// <inheritdoc/>
    public override void ForEachFrame(int index, int every, int shortSide, Action<ImageBuffer> take) =>
        parent.ForEachFrame(_indices[index], every, shortSide, take);

    internal override FileState StateOf(int index) => parent.StateOf(_indices[index]);
}
