namespace AdaptFormer.Data;

/// <summary>Several sets of clips of the same classes, one behind the other.</summary>
public sealed class ClipConcat : ClipDataset
{
    private readonly JoinedSets<ClipDataset> _sets;

    private ClipConcat(ClipDataset[] parts) => _sets = new JoinedSets<ClipDataset>(parts);

    /// <inheritdoc/>
    public override string Name => _sets.Name;

    /// <inheritdoc/>
    public override int Count => _sets.Count;

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames => _sets.ClassNames;

    /// <inheritdoc/>
    public override bool MultiLabel => _sets.MultiLabel;

    /// <summary>Joins sets; a single one is returned as it is.</summary>
    /// <exception cref="ArgumentException">There is none.</exception>
    /// <exception cref="InvalidDataException">Their classes differ.</exception>
    public static ClipDataset Of(params ClipDataset[] parts) => parts.Length == 1 ? parts[0] : new ClipConcat(parts);

    /// <inheritdoc/>
    public override IReadOnlyList<int> Labels(int index)
    {
        (ClipDataset part, int at) = _sets.Locate(index);
        return part.Labels(at);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Notes => _sets.Notes;

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, int> LeftOut => _sets.LeftOut;

    internal override FileState StateOf(int index) => _sets.StateOf(index);

    /// <inheritdoc/>
    public override int Label(int index)
    {
        (ClipDataset part, int at) = _sets.Locate(index);
        return part.Label(at);
    }

    /// <inheritdoc/>
    public override string Source(int index)
    {
        (ClipDataset part, int at) = _sets.Locate(index);
        return part.Source(at);
    }

    /// <inheritdoc/>
    public override string FileOf(int index)
    {
        (ClipDataset part, int at) = _sets.Locate(index);
        return part.FileOf(at);
    }

    /// <inheritdoc/>
    public override bool IsThere(int index)
    {
        (ClipDataset part, int at) = _sets.Locate(index);
        return part.IsThere(at);
    }

    /// <inheritdoc/>
    public override VideoInfo Info(int index)
    {
        (ClipDataset part, int at) = _sets.Locate(index);
        return part.Info(at);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> FilesOf(int index)
    {
        (ClipDataset part, int at) = _sets.Locate(index);
        return part.FilesOf(at);
    }

    /// <inheritdoc/>
    public override int FrameCount(int index)
    {
        (ClipDataset part, int at) = _sets.Locate(index);
        return part.FrameCount(at);
    }

    /// <inheritdoc/>
    public override void Load(int index, ReadOnlySpan<int> frames, ClipBuffer into, int shortSide = WholeFrames)
    {
        (ClipDataset part, int at) = _sets.Locate(index);
        part.Load(at, frames, into, shortSide);
    }

    /// <inheritdoc/>
    public override string? FrameFile(int index, int frame)
    {
        (ClipDataset part, int at) = _sets.Locate(index);
        return part.FrameFile(at, frame);
    }

    /// <inheritdoc/>
    public override void ForEachFrame(int index, int every, int shortSide, Action<ImageBuffer> take)
    {
        (ClipDataset part, int at) = _sets.Locate(index);
        part.ForEachFrame(at, every, shortSide, take);
    }
}
