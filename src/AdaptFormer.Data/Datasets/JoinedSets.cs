namespace AdaptFormer.Data;

/// <summary>Sets of the same classes one behind the other: what joined pictures and joined clips share.</summary>
/// <typeparam name="T">Kind of set.</typeparam>
internal sealed class JoinedSets<T> where T : LabelledDataset
{
    private readonly T[] _parts;
    private readonly int[] _first;

    /// <exception cref="ArgumentException">There is none.</exception>
    /// <exception cref="InvalidDataException">Their classes differ.</exception>
    public JoinedSets(T[] parts)
    {
        if (parts.Length == 0) throw new ArgumentException("There is no data set to join.", nameof(parts));
        foreach (T part in parts) DatasetSplits.RequireSameClasses(parts[0], part);
        _parts = parts;
        _first = new int[parts.Length + 1];
        for (int i = 0; i < parts.Length; i++) _first[i + 1] = checked(_first[i] + parts[i].Count);
    }

    public string Name => string.Join(" + ", _parts.Select(part => part.Name));

    public int Count => _first[^1];

    public IReadOnlyList<string> ClassNames => _parts[0].ClassNames;

    public bool MultiLabel => _parts.Any(part => part.MultiLabel);

    public IReadOnlyList<string> Notes => [.. _parts.SelectMany(part => part.Notes)];

    public IReadOnlyDictionary<string, int> LeftOut =>
        _parts.SelectMany(part => part.LeftOut).GroupBy(pair => pair.Key).ToDictionary(group => group.Key, group => group.Sum(pair => pair.Value));

    public FileState StateOf(int index)
    {
        (T part, int at) = Locate(index);
        return part.StateOf(at);
    }

    /// <summary>The set that holds an item, and the item's number there.</summary>
    public (T Part, int Index) Locate(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
        int part = 0;
        while (index >= _first[part + 1]) part++;
        return (_parts[part], index - _first[part]);
    }
}
