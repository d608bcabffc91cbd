namespace AdaptFormer.Data;

/// <summary>Several sets of the same classes, one behind the other.</summary>
public sealed class ConcatDataset : ImageDataset
{
    private readonly ImageDataset[] _parts;
    private readonly int[] _first;

    private ConcatDataset(ImageDataset[] parts)
    {
        _parts = parts;
        _first = new int[parts.Length + 1];
        for (int i = 0; i < parts.Length; i++) _first[i + 1] = checked(_first[i] + parts[i].Count);
    }

    /// <inheritdoc/>
    public override string Name => string.Join(" + ", _parts.Select(part => part.Name));

    /// <inheritdoc/>
    public override int Count => _first[^1];

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames => _parts[0].ClassNames;

    /// <summary>Joins sets; a single one is returned as it is.</summary>
    /// <exception cref="ArgumentException">There is none.</exception>
    /// <exception cref="InvalidDataException">Their classes differ.</exception>
    public static ImageDataset Of(params ImageDataset[] parts)
    {
        if (parts.Length == 0) throw new ArgumentException("There is no data set to join.", nameof(parts));
        foreach (ImageDataset part in parts) DatasetSplits.RequireSameClasses(parts[0], part);
        return parts.Length == 1 ? parts[0] : new ConcatDataset(parts);
    }

    /// <inheritdoc/>
    public override bool MultiLabel => _parts.Any(part => part.MultiLabel);

    /// <inheritdoc/>
    public override IReadOnlyList<int> Labels(int index)
    {
        (ImageDataset part, int at) = Locate(index);
        return part.Labels(at);
    }

    /// <inheritdoc/>
    public override int Label(int index)
    {
        (ImageDataset part, int at) = Locate(index);
        return part.Label(at);
    }

    /// <inheritdoc/>
    public override string FileOf(int index)
    {
        (ImageDataset part, int at) = Locate(index);
        return part.FileOf(at);
    }

    /// <inheritdoc/>
    public override string Source(int index)
    {
        (ImageDataset part, int at) = Locate(index);
        return part.Source(at);
    }

    /// <inheritdoc/>
    public override void Load(int index, ImageBuffer into)
    {
        (ImageDataset part, int at) = Locate(index);
        part.Load(at, into);
    }

    private (ImageDataset Part, int Index) Locate(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
        int part = 0;
        while (index >= _first[part + 1]) part++;
        return (_parts[part], index - _first[part]);
    }
}
