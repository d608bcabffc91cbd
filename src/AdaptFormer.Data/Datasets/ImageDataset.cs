namespace AdaptFormer.Data;

/// <summary>Labelled pictures, counted from 0. Reading is safe for many threads at once.</summary>
public abstract class ImageDataset
{
    /// <summary>What the set is and where it comes from, for messages and reports.</summary>
    public abstract string Name { get; }

    /// <summary>Number of pictures.</summary>
    public abstract int Count { get; }

    /// <summary>What each class is called; labels are indices into this list.</summary>
    public abstract IReadOnlyList<string> ClassNames { get; }

    /// <summary>Class of a picture, in [0, number of classes).</summary>
    /// <param name="index">Picture, in [0, <see cref="Count"/>).</param>
    public abstract int Label(int index);

    /// <summary>Where a picture comes from (its file, or file and record), for messages.</summary>
    /// <param name="index">Picture, in [0, <see cref="Count"/>).</param>
    public abstract string Source(int index);

    /// <summary>The file that holds a picture, whose length and time of change tell whether the picture is still the same.</summary>
    /// <param name="index">Picture, in [0, <see cref="Count"/>).</param>
    public virtual string FileOf(int index) => Source(index);

    /// <summary>Reads a picture.</summary>
    /// <param name="index">Picture, in [0, <see cref="Count"/>).</param>
    /// <param name="into">Receives size and pixels.</param>
    /// <exception cref="InvalidDataException">The file is damaged; the message names it.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public abstract void Load(int index, ImageBuffer into);

    /// <summary>Number of pictures of each class.</summary>
    public int[] CountPerClass()
    {
        int[] counts = new int[ClassNames.Count];
        for (int i = 0; i < Count; i++) counts[Label(i)]++;
        return counts;
    }
}
