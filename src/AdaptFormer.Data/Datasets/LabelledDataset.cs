using AdaptFormer.Data.Images;
using AdaptFormer.Data.Video;

namespace AdaptFormer.Data.Datasets;

/// <summary>Labelled items counted from 0: an item is one frame, a picture, or several, a clip. Reading is safe for many threads at
/// once.</summary>
public abstract class LabelledDataset
{
    /// <summary>Frames of any size come as they are.</summary>
    public const int WholeFrames = int.MaxValue;

    /// <summary>Whether items are clips; otherwise each is one picture.</summary>
    public virtual bool OfClips => false;

    /// <summary>What the items are called: <c>pictures</c> or <c>clips</c>.</summary>
    public string Things => OfClips ? "clips" : "pictures";

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

    /// <summary>Number of frames of an item; 1 of a picture.</summary>
    /// <param name="index">Item, in [0, <see cref="Count"/>).</param>
    /// <exception cref="InvalidDataException">The item is damaged; the message names it.</exception>
    /// <exception cref="IOException">The item cannot be read.</exception>
    public virtual int FrameCount(int index) => 1;

    /// <summary>Size, number of frames and rate of an item.</summary>
    /// <param name="index">Item, in [0, <see cref="Count"/>).</param>
    /// <exception cref="InvalidDataException">The item is damaged; the message names it.</exception>
    /// <exception cref="IOException">The item cannot be read.</exception>
    public virtual VideoInfo Info(int index)
    {
        using ImageBuffer first = new();
        int frames = FrameCount(index);
        Load(index, first);
        return new VideoInfo(first.Width, first.Height, frames, FramesPerSecond: 0) { Orientation = first.Orientation };
    }

    /// <summary>Reads the first frame of an item: a picture.</summary>
    /// <param name="index">Item, in [0, <see cref="Count"/>).</param>
    /// <param name="into">Receives size and pixels.</param>
    /// <exception cref="InvalidDataException">The item is damaged; the message names it.</exception>
    /// <exception cref="IOException">The item cannot be read.</exception>
    public virtual void Load(int index, ImageBuffer into)
    {
        using ClipBuffer first = new();
        Load(index, [0], first);
        into.CopyFrom(first[0]);
    }

    /// <summary>Reads some frames of an item.</summary>
    /// <param name="index">Item, in [0, <see cref="Count"/>).</param>
    /// <param name="frames">Their numbers, from 0, ascending; a number may stand there several times.</param>
    /// <param name="into">Receives as many frames.</param>
    /// <param name="shortSide">Frames of a video may come reduced to this shorter side, in pixels.</param>
    /// <exception cref="InvalidDataException">The item is damaged; the message names it.</exception>
    /// <exception cref="IOException">The item cannot be read.</exception>
    public abstract void Load(int index, ReadOnlySpan<int> frames, ClipBuffer into, int shortSide = WholeFrames);

    /// <summary>The picture file that a frame is; null where frames are no files of their own.</summary>
    /// <param name="index">Item, in [0, <see cref="Count"/>).</param>
    /// <param name="frame">Its number, in [0, <see cref="FrameCount"/>).</param>
    public virtual string? FrameFile(int index, int frame) => null;

    /// <summary>Hands over frames of an item one after the other, however many there are, in memory for one.</summary>
    /// <param name="index">Item, in [0, <see cref="Count"/>).</param>
    /// <param name="every">Distance of the frames: 0, <paramref name="every"/>, 2·<paramref name="every"/>…</param>
    /// <param name="shortSide">Frames of a video may come reduced to this shorter side.</param>
    /// <param name="take">Gets each frame; its memory is used again for the next.</param>
    /// <exception cref="InvalidDataException">The item is damaged; the message names it.</exception>
    /// <exception cref="IOException">The item cannot be read.</exception>
    public virtual void ForEachFrame(int index, int every, int shortSide, Action<ImageBuffer> take)
    {
        using ClipBuffer frame = new();
        for (int t = 0; t < FrameCount(index); t += every)
        {
            Load(index, [t], frame, shortSide);
            take(frame[0]);
        }
    }
}
