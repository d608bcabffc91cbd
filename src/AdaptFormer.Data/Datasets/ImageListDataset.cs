using AdaptFormer.Data.Images;

namespace AdaptFormer.Data.Datasets;

/// <summary>Picture files named by a list, with their classes: what most data sets come down to.</summary>
public class ImageListDataset : ListedDataset
{
    /// <summary>The files of a list, which may leave out their endings.</summary>
    internal ImageListDataset(string name, string root, ListedItems items)
        : base(name, root, items)
    {
    }

    /// <summary>A set of files; none is opened.</summary>
    internal ImageListDataset(string name, IReadOnlyList<string> paths, IReadOnlyList<int> labels, IReadOnlyList<string> classNames)
        : this(name, "", OneClassEach(name, paths, labels, classNames))
    {
    }

    /// <summary>The picture's file; without an ending in the list, with that of the file that is there.</summary>
    public sealed override string FileOf(int index) => PictureFiles.Locate(PathOf(index));

    /// <inheritdoc/>
    public sealed override string FrameFile(int index, int frame) => FileOf(index);

    /// <inheritdoc/>
    public sealed override void Load(int index, ImageBuffer into) => ImageDecoder.Decode(FileOf(index), into);

    /// <inheritdoc/>
    public sealed override void Load(int index, ReadOnlySpan<int> frames, ClipBuffer into, int shortSide = WholeFrames)
    {
        into.Reset(frames.Length);
        for (int t = 0; t < frames.Length; t++)
        {
            if (t == 0) Load(index, into[0]);
            else into[t].CopyFrom(into[0]);
        }
    }
}
