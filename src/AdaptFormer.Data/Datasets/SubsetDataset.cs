namespace AdaptFormer.Data;

/// <summary>Some pictures of another data set, with its classes.</summary>
/// <param name="parent">The whole set.</param>
/// <param name="indices">Which of its pictures, in the order wanted.</param>
/// <param name="name">What to call the part, for example <c>validation</c>.</param>
public sealed class SubsetDataset(ImageDataset parent, IReadOnlyList<int> indices, string name) : ImageDataset
{
    private readonly int[] _indices = [.. indices];

    /// <inheritdoc/>
    public override string Name => $"{parent.Name} ({name})";

    /// <inheritdoc/>
    public override int Count => _indices.Length;

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames => parent.ClassNames;

    /// <summary>Positions of this set's pictures in the whole set.</summary>
    public IReadOnlyList<int> Indices => _indices;

    /// <inheritdoc/>
    public override bool MultiLabel => parent.MultiLabel;

    /// <inheritdoc/>
    public override IReadOnlyList<int> Labels(int index) => parent.Labels(_indices[index]);

    /// <inheritdoc/>
    public override IReadOnlyList<string> Notes => parent.Notes;

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, int> LeftOut => parent.LeftOut;

    internal override FileState StateOf(int index) => parent.StateOf(_indices[index]);

    /// <inheritdoc/>
    public override int Label(int index) => parent.Label(_indices[index]);

    /// <inheritdoc/>
    public override string FileOf(int index) => parent.FileOf(_indices[index]);

    /// <inheritdoc/>
    public override string Source(int index) => parent.Source(_indices[index]);

    /// <inheritdoc/>
    public override bool IsThere(int index) => parent.IsThere(_indices[index]);

    /// <inheritdoc/>
    public override void Load(int index, ImageBuffer into) => parent.Load(_indices[index], into);
}
