using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Images;
using AdaptFormer.Data.Transforms;

namespace AdaptFormer.Reports;

/// <summary>Makes small pictures of data: the middle square of a picture, or of some frames of a clip side by side. Not safe for several
/// threads at once.</summary>
/// <param name="orientation">Whether they are turned as their files say: as the model sees them.</param>
internal sealed class Thumbnail(OrientationRule orientation) : IDisposable
{
    private readonly ImageBuffer _upright = new(), _small = new();
    private readonly ClipBuffer _clip = new();
    private readonly ImageResizer _resizer = new();

    /// <summary>Makes one.</summary>
    /// <param name="data">The data.</param>
    /// <param name="item">The item.</param>
    /// <param name="side">Side of a square.</param>
    /// <param name="frames">Most frames of a clip.</param>
    /// <param name="into">Receives [side, side · frames, 3]; one square of a picture.</param>
    /// <exception cref="InvalidDataException">The item is damaged.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public void Load(LabelledDataset data, int item, int side, int frames, ImageBuffer into)
    {
        int length = data.FrameCount(item), count = Math.Min(frames, length);
        data.Load(item, [.. Enumerable.Range(0, count).Select(k => (int)(((2L * k) + 1) * length / (2 * count)))], _clip);
        into.Reset(side * count, side);
        for (int k = 0; k < count; k++) Put(_clip[k], k);

        void Put(ImageBuffer stored, int place)
        {
            ImageBuffer shown = Uprighting.Shown(orientation, stored, _upright);
            int shorter = Math.Min(shown.Width, shown.Height);
            _resizer.Resize(shown, Framing.CenterCrop(shown.Width, shown.Height, shorter, shorter), side, side, Interpolation.Bilinear,
                _small);
            for (int y = 0; y < side; y++) _small.Row(y).CopyTo(into.Row(y)[(place * side * 3)..]);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _upright.Dispose();
        _small.Dispose();
        _clip.Dispose();
        _resizer.Dispose();
    }
}
