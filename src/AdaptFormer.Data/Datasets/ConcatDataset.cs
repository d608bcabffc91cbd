using AdaptFormer.Data.Images;
using AdaptFormer.Data.Video;

namespace AdaptFormer.Data.Datasets;

/// <summary>Several sets of the same classes, one behind the other.</summary>
public sealed class ConcatDataset : LabelledDataset
{
    private readonly LabelledDataset[] _parts;
    private readonly int[] _first;

    private ConcatDataset(LabelledDataset[] parts)
    {
        foreach (LabelledDataset part in parts) DatasetSplits.RequireSameClasses(parts[0], part);
        _parts = parts;
        _first = new int[parts.Length + 1];
        for (int i = 0; i < parts.Length; i++) _first[i + 1] = checked(_first[i] + parts[i].Count);
    }

    /// <inheritdoc/>
    public override string Name => string.Join(" + ", _parts.Select(part => part.Name));

    /// <inheritdoc/>
    public override int Count => _first[^1];

    /// <inheritdoc/>
    public override bool OfClips => _parts[0].OfClips;

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames => _parts[0].ClassNames;

    /// <inheritdoc/>
    public override bool MultiLabel => _parts.Any(part => part.MultiLabel);

    /// <inheritdoc/>
    public override IReadOnlyList<string> Notes => [.. _parts.SelectMany(part => part.Notes)];

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, int> LeftOut =>
        _parts.SelectMany(part => part.LeftOut).GroupBy(pair => pair.Key)
            .ToDictionary(group => group.Key, group => group.Sum(pair => pair.Value));

    /// <summary>Joins sets; a single one is returned as it is.</summary>
    /// <exception cref="ArgumentException">There is none.</exception>
    /// <exception cref="InvalidDataException">Their classes differ.</exception>
    public static LabelledDataset Of(params LabelledDataset[] parts) => parts.Length switch
    {
        0 => throw new ArgumentException("There is no data set to join.", nameof(parts)),
        1 => parts[0],
        _ => new ConcatDataset(parts),
    };

    /// <inheritdoc/>
    public override bool IsThere(int index) => PartOf(index, out int at).IsThere(at);

    /// <inheritdoc/>
    public override IReadOnlyList<int> Labels(int index) => PartOf(index, out int at).Labels(at);

    /// <inheritdoc/>
    public override int Label(int index) => PartOf(index, out int at).Label(at);

    /// <inheritdoc/>
    public override string Source(int index) => PartOf(index, out int at).Source(at);

    /// <inheritdoc/>
    public override string FileOf(int index) => PartOf(index, out int at).FileOf(at);

    /// <inheritdoc/>
    public override IReadOnlyList<string> FilesOf(int index) => PartOf(index, out int at).FilesOf(at);

    /// <inheritdoc/>
    public override int FrameCount(int index) => PartOf(index, out int at).FrameCount(at);

    /// <inheritdoc/>
    public override VideoInfo Info(int index) => PartOf(index, out int at).Info(at);

    /// <inheritdoc/>
    public override void Load(int index, ImageBuffer into) => PartOf(index, out int at).Load(at, into);

    /// <inheritdoc/>
    public override void Load(int index, ReadOnlySpan<int> frames, ClipBuffer into, int shortSide = WholeFrames) =>
        PartOf(index, out int at).Load(at, frames, into, shortSide);

    /// <inheritdoc/>
    public override string? FrameFile(int index, int frame) => PartOf(index, out int at).FrameFile(at, frame);

    /// <inheritdoc/>
    public override void ForEachFrame(int index, int every, int shortSide, Action<ImageBuffer> take) =>
        PartOf(index, out int at).ForEachFrame(at, every, shortSide, take);

    internal override FileState StateOf(int index) => PartOf(index, out int at).StateOf(at);

    /// <summary>The set that holds an item, and the item's number there.</summary>
    private LabelledDataset PartOf(int index, out int at)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
        int part = 0;
        while (index >= _first[part + 1]) part++;
        at = index - _first[part];
        return _parts[part];
    }
}
