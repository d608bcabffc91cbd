namespace AdaptFormer.Data.Datasets;

/// <summary>Items named by a list, with their classes. Nothing but the list is in memory: for each item its path in UTF-8 and eight
/// bytes.</summary>
public abstract class ListedDataset : LabelledDataset
{
    private readonly ListedItems _items;
    private readonly string _root;

    /// <summary>A list of items.</summary>
    /// <param name="name">What the set is called.</param>
    /// <param name="root">The folder that relative paths count from.</param>
    /// <param name="items">The items.</param>
    private protected ListedDataset(string name, string root, ListedItems items)
    {
        items.Paths.Trim();
        (Name, _root, _items) = (name, root, items);
    }

    /// <inheritdoc/>
    public sealed override string Name { get; }

    /// <inheritdoc/>
    public sealed override int Count => _items.Paths.Count;

    /// <inheritdoc/>
    public sealed override IReadOnlyList<string> ClassNames => _items.ClassNames;

    /// <summary>Memory that the list takes, without the class names: for each entry its path in UTF-8 and eight bytes.</summary>
    public long ListBytes => _items.Paths.Bytes + ((long)_items.Labels.Length * sizeof(int));

    /// <inheritdoc/>
    public sealed override bool MultiLabel => _items.Sets is not null;

    /// <inheritdoc/>
    public sealed override IReadOnlyList<string> Notes => _items.Notes;

    /// <inheritdoc/>
    public sealed override IReadOnlyDictionary<string, int> LeftOut => _items.LeftOut;

    /// <inheritdoc/>
    public sealed override IReadOnlyList<int> Labels(int index) => _items.LabelsOf(index);

    /// <inheritdoc/>
    public sealed override int Label(int index) => _items.LabelOf(index);

    /// <inheritdoc/>
    public override string Source(int index) => PathOf(index);

    /// <summary>An item's path as the list has it, below the root.</summary>
    private protected string PathOf(int index) => Path.Combine(_root, _items.Paths[index]);

    /// <summary>Items with one class each.</summary>
    /// <exception cref="ArgumentException">There are not as many labels as paths, or one is out of range.</exception>
    private protected static ListedItems OneClassEach(
        string name, IReadOnlyList<string> paths, IReadOnlyList<int> labels, IReadOnlyList<string> classNames)
    {
        if (paths.Count != labels.Count) throw new ArgumentException($"{name}: {paths.Count} items and {labels.Count} labels.");
        if (labels.Any(label => label < 0 || label >= classNames.Count))
            throw new ArgumentException($"{name}: a label is not in [0, {classNames.Count}).");
        PathList list = new();
        foreach (string path in paths) list.Add(path);
        return new ListedItems(classNames, list, [.. labels]);
    }
}
