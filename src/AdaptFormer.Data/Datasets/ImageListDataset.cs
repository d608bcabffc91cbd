namespace AdaptFormer.Data;

/// <summary>Picture files named by a list, with their classes: what most data sets come down to. Nothing but the list is in
/// memory.</summary>
public class ImageListDataset : ImageDataset
{
    private readonly string _root;
    private readonly ListedItems _items;

    /// <summary>A list of files.</summary>
    /// <param name="name">What the set is called.</param>
    /// <param name="root">The folder that relative paths count from.</param>
    /// <param name="items">The files.</param>
    internal ImageListDataset(string name, string root, ListedItems items)
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
    public sealed override string Source(int index) => Path.Combine(_root, _items.Paths[index]);

    /// <summary>The picture's file; without an ending in the list, with that of the file that is there.</summary>
    public sealed override string FileOf(int index) => PictureFiles.Locate(Source(index));

    /// <inheritdoc/>
    public sealed override void Load(int index, ImageBuffer into) => ImageDecoder.Decode(FileOf(index), into);
}
