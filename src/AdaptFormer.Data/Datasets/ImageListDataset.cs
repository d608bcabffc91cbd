namespace AdaptFormer.Data;

/// <summary>Picture files named by a list, with their classes: what most data sets come down to. Nothing but the list is in memory.</summary>
public class ImageListDataset : ImageDataset
{
    private readonly string _name, _root;
    private readonly IReadOnlyList<string> _classNames;
    private readonly PathList _paths;
    private readonly int[] _labels;
    private readonly int[][]? _sets;

    /// <summary>A list of files.</summary>
    /// <param name="name">What the set is called.</param>
    /// <param name="root">The folder that relative paths count from.</param>
    /// <param name="classNames">The classes.</param>
    /// <param name="paths">The files.</param>
    /// <param name="labels">The class of each, or its place in <paramref name="sets"/>.</param>
    /// <param name="sets">Every set of classes that occurs, where a picture may have several; else null.</param>
    internal ImageListDataset(string name, string root, IReadOnlyList<string> classNames, PathList paths, int[] labels, int[][]? sets = null)
    {
        paths.Trim();
        (_name, _root, _classNames, _paths, _labels, _sets) = (name, root, classNames, paths, labels, sets);
    }

    /// <inheritdoc/>
    public sealed override string Name => _name;

    /// <inheritdoc/>
    public sealed override int Count => _paths.Count;

    /// <inheritdoc/>
    public sealed override IReadOnlyList<string> ClassNames => _classNames;

    /// <summary>Memory that the list takes, without the class names: for each entry its path in UTF-8 and eight bytes.</summary>
    public long ListBytes => _paths.Bytes + ((long)_labels.Length * sizeof(int));

    /// <inheritdoc/>
    public sealed override bool MultiLabel => _sets is not null;

    /// <inheritdoc/>
    public sealed override IReadOnlyList<int> Labels(int index) => _sets is null ? [_labels[index]] : _sets[_labels[index]];

    /// <inheritdoc/>
    public sealed override int Label(int index) => _sets is null ? _labels[index] : _sets[_labels[index]] is [int first, ..] ? first : -1;

    /// <inheritdoc/>
    public sealed override string Source(int index) => Path.Combine(_root, _paths[index]);

    /// <inheritdoc/>
    public sealed override void Load(int index, ImageBuffer into) => ImageDecoder.Decode(Source(index), into);
}
