using AdaptFormer.Data.Images;

namespace AdaptFormer.Data.Datasets;

/// <summary>A set whose items are single pictures: the base of sets that need say no more than how one is read.</summary>
public abstract class ImageDataset : LabelledDataset
{
    /// <inheritdoc/>
    public abstract override void Load(int index, ImageBuffer into);

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
