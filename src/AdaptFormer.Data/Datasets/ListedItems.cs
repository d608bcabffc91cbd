namespace AdaptFormer.Data;

/// <summary>What a list of files comes to.</summary>
/// <param name="ClassNames">The classes.</param>
/// <param name="Paths">The files.</param>
/// <param name="Labels">The class of each, or its place in <paramref name="Sets"/>.</param>
/// <param name="Sets">Every set of classes that occurs, ascending, where an item may have several; else null.</param>
internal sealed record ListedItems(IReadOnlyList<string> ClassNames, PathList Paths, int[] Labels, int[][]? Sets = null);
