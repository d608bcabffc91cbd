namespace AdaptFormer.Data;

/// <summary>Several sets of clips of the same classes, one behind the other.</summary>
public sealed class ClipConcat : ClipDataset
{
    private readonly ClipDataset[] _parts;
    private readonly int[] _first;

    private ClipConcat(ClipDataset[] parts)
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

    /// <inheritdoc/>
    public override bool MultiLabel => _parts.Any(part => part.MultiLabel);

    /// <summary>Joins sets; a single one is returned as it is.</summary>
    /// <exception cref="ArgumentException">There is none.</exception>
    /// <exception cref="InvalidDataException">Their classes differ.</exception>
    public static ClipDataset Of(params ClipDataset[] parts)
    {
        if (parts.Length == 0) throw new ArgumentException("There is no set of clips to join.", nameof(parts));
        foreach (ClipDataset part in parts) DatasetSplits.RequireSameClasses(parts[0], part);
        return parts.Length == 1 ? parts[0] : new ClipConcat(parts);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<int> Labels(int index)
    {
        (ClipDataset part, int at) = Locate(index);
        return part.Labels(at);
    }

    /// <inheritdoc/>
    public override int Label(int index)
    {
        (ClipDataset part, int at) = Locate(index);
        return part.Label(at);
    }

    /// <inheritdoc/>
    public override string Source(int index)
    {
        (ClipDataset part, int at) = Locate(index);
        return part.Source(at);
    }

    /// <inheritdoc/>
    public override string FileOf(int index)
    {
        (ClipDataset part, int at) = Locate(index);
        return part.FileOf(at);
    }

    /// <inheritdoc/>
    public override bool IsThere(int index)
    {
        (ClipDataset part, int at) = Locate(index);
        return part.IsThere(at);
    }

    /// <inheritdoc/>
    public override VideoInfo Info(int index)
    {
        (ClipDataset part, int at) = Locate(index);
        return part.Info(at);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> FilesOf(int index)
    {
        (ClipDataset part, int at) = Locate(index);
        return part.FilesOf(at);
    }

    /// <inheritdoc/>
    public override int FrameCount(int index)
    {
        (ClipDataset part, int at) = Locate(index);
        return part.FrameCount(at);
    }

    /// <inheritdoc/>
    public override void Load(int index, ReadOnlySpan<int> frames, ClipBuffer into)
    {
        (ClipDataset part, int at) = Locate(index);
        part.Load(at, frames, into);
    }

    /// <inheritdoc/>
    public override string? FrameFile(int index, int frame)
    {
        (ClipDataset part, int at) = Locate(index);
        return part.FrameFile(at, frame);
    }

    /// <inheritdoc/>
    public override void ForEachFrame(int index, int every, int shortSide, Action<ImageBuffer> take)
    {
        (ClipDataset part, int at) = Locate(index);
        part.ForEachFrame(at, every, shortSide, take);
    }

    private (ClipDataset Part, int Index) Locate(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
        int part = 0;
        while (index >= _first[part + 1]) part++;
        return (_parts[part], index - _first[part]);
    }
}
