namespace AdaptFormer.Data;

/// <summary>Labelled items, pictures or clips, counted from 0. Reading is safe for many threads at once.</summary>
public abstract class LabelledDataset
{
    /// <summary>What the set is and where it comes from, for messages and reports.</summary>
    public abstract string Name { get; }

    /// <summary>Number of items.</summary>
    public abstract int Count { get; }

    /// <summary>What each class is called; labels are indices into this list.</summary>
    public abstract IReadOnlyList<string> ClassNames { get; }

    /// <summary>Whether an item may have any number of classes, none included; otherwise each has one.</summary>
    public virtual bool MultiLabel => false;

    /// <summary>Classes of an item, ascending.</summary>
    /// <param name="index">Item, in [0, <see cref="Count"/>).</param>
    public virtual IReadOnlyList<int> Labels(int index) => [Label(index)];

    /// <summary>Class of an item, in [0, number of classes). Where an item may have several, the first of them, or -1 when it has
    /// none.</summary>
    /// <param name="index">Item, in [0, <see cref="Count"/>).</param>
    public abstract int Label(int index);

    /// <summary>Where an item comes from (its file, or file and record), for messages.</summary>
    /// <param name="index">Item, in [0, <see cref="Count"/>).</param>
    public abstract string Source(int index);

    /// <summary>The file that holds an item, whose length and time of change tell whether the item is still the same.</summary>
    /// <param name="index">Item, in [0, <see cref="Count"/>).</param>
    public virtual string FileOf(int index) => Source(index);

    /// <summary>The files that an item is made of: one, or a picture for each frame of a clip.</summary>
    /// <param name="index">Item, in [0, <see cref="Count"/>).</param>
    /// <exception cref="IOException">The item is not there.</exception>
    public virtual IReadOnlyList<string> FilesOf(int index) => [FileOf(index)];

    /// <summary>Whether an item's file is there. It may still be damaged.</summary>
    /// <param name="index">Item, in [0, <see cref="Count"/>).</param>
    public virtual bool IsThere(int index) => File.Exists(FileOf(index));

    /// <summary>What was guessed when the set was opened, for people; mostly nothing.</summary>
    public virtual IReadOnlyList<string> Notes => [];

    /// <summary>Number of files in the set's folders that are not read, by their endings; empty where there are none, and for
    /// lists.</summary>
    public virtual IReadOnlyDictionary<string, int> LeftOut => new Dictionary<string, int>();

    /// <summary><see cref="LeftOut"/> in words; null where it is empty.</summary>
    public string? LeftOutText => LeftOutFiles.Text(LeftOut);

    /// <summary>What tells whether an item is still the same: length and time of change of its files.</summary>
    /// <param name="index">Item, in [0, <see cref="Count"/>).</param>
    internal virtual FileState StateOf(int index) => FileState.Of(FileOf(index));

    /// <summary>Number of items of each class; an item of several classes counts for each.</summary>
    public int[] CountPerClass()
    {
        int[] counts = new int[ClassNames.Count];
        for (int i = 0; i < Count; i++)
        {
            foreach (int label in Labels(i)) counts[label]++;
        }

        return counts;
    }
}
