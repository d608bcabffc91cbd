using AdaptFormer.Tensors;

namespace AdaptFormer.Data.Datasets;

/// <summary>Divides data sets and compares them.</summary>
public static class DatasetSplits
{
    /// <summary>
    /// Sets a random part of every class aside, for instance for validation. The same seed gives the same parts; both keep the
    /// order of the whole. Where items have several labels, their first one counts.
    /// </summary>
    /// <param name="dataset">The whole set.</param>
    /// <param name="fraction">Part of each class to set aside, in (0, 1); a class of two or more gives at least one and keeps at least
    /// one.</param>
    /// <param name="seed">Seed of the choice.</param>
    /// <returns>What stays, and what was set aside.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="fraction"/> is not in (0, 1).</exception>
    public static (SubsetDataset Kept, SubsetDataset Aside) Stratified(LabelledDataset dataset, double fraction, long seed)
    {
        (int[] kept, int[] aside) = Parts(dataset, fraction, seed);
        return (new SubsetDataset(dataset, kept, "training part"), new SubsetDataset(dataset, aside, "part set aside"));
    }

    /// <summary>The items whose files are there, with the classes of all.</summary>
    /// <param name="dataset">The whole set.</param>
    /// <returns>A part of the set, or the set itself when nothing is missing.</returns>
    /// <exception cref="FileNotFoundException">Nothing is there.</exception>
    public static LabelledDataset WithoutMissing(LabelledDataset dataset) => Rest(dataset, There(dataset), "are not there");

    /// <summary>The part of a set that is left when others are taken out; the set itself for null.</summary>
    internal static LabelledDataset Rest(LabelledDataset dataset, int[]? kept, string why) =>
        kept is null ? dataset : new SubsetDataset(dataset, kept, $"{kept.Length} of {dataset.Count}, the others {why}");

    private static int[]? There(LabelledDataset dataset)
    {
        int[] there = [.. Enumerable.Range(0, dataset.Count).Where(dataset.IsThere)];
        if (there.Length == 0)
            throw new FileNotFoundException(
                $"{dataset.Name}: not one of its {dataset.Count} items is there; the first would be {dataset.Source(0)}.",
                    dataset.FileOf(0));
        return there.Length == dataset.Count ? null : there;
    }

    private static (int[] Kept, int[] Aside) Parts(LabelledDataset dataset, double fraction, long seed)
    {
        if (!(fraction > 0 && fraction < 1))
            throw new ArgumentOutOfRangeException(nameof(fraction), fraction, "The part to set aside must lie between 0 and 1.");

        List<int>[] classes = [.. dataset.ClassNames.Select(_ => new List<int>()), []];      // the last: items without a class
        for (int i = 0; i < dataset.Count; i++)
        {
            int label = dataset.Label(i);
            classes[label < 0 ? classes.Length - 1 : label].Add(i);
        }

        Rng rng = new(seed);
        bool[] aside = new bool[dataset.Count];
        for (int c = 0; c < classes.Length; c++)
        {
            int[] members = [.. classes[c]];
            rng.Derive(c).Shuffle<int>(members);
            int count = members.Length < 2 ? 0 : Math.Clamp((int)Math.Round(members.Length * fraction), 1, members.Length - 1);
            foreach (int index in members.AsSpan(0, count)) aside[index] = true;
        }

        ILookup<bool, int> parts = Enumerable.Range(0, dataset.Count).ToLookup(i => aside[i]);
        return ([.. parts[false]], [.. parts[true]]);
    }

    /// <summary>Makes sure that labels mean the same in both sets.</summary>
    /// <param name="train">The set that the classes are taken from.</param>
    /// <param name="other">The set that must have the same, in the same order.</param>
    /// <exception cref="InvalidDataException">They differ; the message names every class that only one of them has.</exception>
    public static void RequireSameClasses(LabelledDataset train, LabelledDataset other) =>
        RequireSameClasses(train.ClassNames, train.Name, other);

    /// <summary>Makes sure that a model's labels mean the same in a data set.</summary>
    /// <param name="labels">The model's classes.</param>
    /// <param name="source">What they belong to, for the message.</param>
    /// <param name="other">The set that must have the same, in the same order.</param>
    /// <exception cref="InvalidDataException">They differ; the message names every class that only one of them has.</exception>
    public static void RequireSameClasses(IReadOnlyList<string> labels, string source, LabelledDataset other)
    {
        if (labels.SequenceEqual(other.ClassNames)) return;
        string[] missing = [.. labels.Except(other.ClassNames)], unknown = [.. other.ClassNames.Except(labels)];
        string difference = missing.Length + unknown.Length == 0
            ? "the same names come in another order"
            : string.Join("; ", new[] { ("missing", missing), ("unknown", unknown) }.Where(d => d.Item2.Length > 0)
                .Select(d => $"{d.Item1}: {List(d.Item2)}"));
        throw new InvalidDataException($"{other.Name} does not have the classes of {source} ({labels.Count}); {difference}.");
    }

    private static string List(string[] names) =>
        string.Join(", ", names.Take(12)) + (names.Length > 12 ? $" and {names.Length - 12} more" : "");
}
