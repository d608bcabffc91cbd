namespace AdaptFormer.Data.Datasets;

/// <summary>What a list of files comes to.</summary>
/// <param name="ClassNames">The classes.</param>
/// <param name="Paths">The files.</param>
/// <param name="Labels">The class of each, or its place in <paramref name="Sets"/>.</param>
/// <param name="Sets">Every set of classes that occurs, ascending, where an item may have several; else null.</param>
internal sealed record ListedItems(IReadOnlyList<string> ClassNames, PathList Paths, int[] Labels, int[][]? Sets = null)
{
    /// <summary>The classes of an item, ascending.</summary>
    public IReadOnlyList<int> LabelsOf(int index) => Sets is { } sets ? sets[Labels[index]] : [Labels[index]];

    /// <summary>The class of an item; of several the first, and -1 where it has none.</summary>
    public int LabelOf(int index) => Sets is { } sets ? sets[Labels[index]] is [int first, ..] ? first : -1 : Labels[index];

    /// <summary>What was guessed or left out, for people.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>Files that were left out, by their endings.</summary>
    public IReadOnlyDictionary<string, int> LeftOut { get; init; } = new Dictionary<string, int>();
}
