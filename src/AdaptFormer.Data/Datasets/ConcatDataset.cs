namespace AdaptFormer.Data;

/// <summary>Several sets of the same classes, one behind the other.</summary>
public sealed class ConcatDataset : ImageDataset
{
    private readonly JoinedSets<ImageDataset> _sets;

    private ConcatDataset(ImageDataset[] parts) => _sets = new JoinedSets<ImageDataset>(parts);

    /// <inheritdoc/>
    public override string Name => _sets.Name;

    /// <inheritdoc/>
    public override int Count => _sets.Count;

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames => _sets.ClassNames;

    /// <summary>Joins sets; a single one is returned as it is.</summary>
    /// <exception cref="ArgumentException">There is none.</exception>
    /// <exception cref="InvalidDataException">Their classes differ.</exception>
    public static ImageDataset Of(params ImageDataset[] parts) => parts.Length == 1 ? parts[0] : new ConcatDataset(parts);

    /// <inheritdoc/>
    public override bool MultiLabel => _sets.MultiLabel;

    /// <inheritdoc/>
    public override IReadOnlyList<int> Labels(int index)
    {
        (ImageDataset part, int at) = _sets.Locate(index);
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
        (ImageDataset part, int at) = _sets.Locate(index);
        return part.Label(at);
    }

    /// <inheritdoc/>
    public override string FileOf(int index)
    {
        (ImageDataset part, int at) = _sets.Locate(index);
        return part.FileOf(at);
    }

    /// <inheritdoc/>
    public override string Source(int index)
    {
        (ImageDataset part, int at) = _sets.Locate(index);
        return part.Source(at);
    }

    /// <inheritdoc/>
    public override bool IsThere(int index)
    {
        (ImageDataset part, int at) = _sets.Locate(index);
        return part.IsThere(at);
    }

    /// <inheritdoc/>
    public override void Load(int index, ImageBuffer into)
    {
        (ImageDataset part, int at) = _sets.Locate(index);
        part.Load(at, into);
    }
}
