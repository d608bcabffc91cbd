using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Images;
using AdaptFormer.Data.Transforms;
using AdaptFormer.Tensors;

namespace AdaptFormer.Data.Loading;

/// <summary>Pictures or clips, decoded and transformed; several samples of each where it is scored by more than one view.</summary>
/// <param name="items">The items.</param>
/// <param name="transform">What becomes of each.</param>
public sealed class ItemSamples(LabelledDataset items, ImageTransform transform) : SampleMaker
{
    /// <inheritdoc/>
    public override LabelledDataset Data => items;

    /// <inheritdoc/>
    public override IReadOnlyList<int> Dims { get; } = transform.Dims;

    /// <inheritdoc/>
    public override int Views => transform.Views;

    /// <inheritdoc/>
    public override bool IsDeterministic => transform.IsDeterministic;

    /// <inheritdoc/>
    public override OrientationRule Orientation => transform.Orientation;

    /// <inheritdoc/>
    public override string Description => transform.Description;

    /// <inheritdoc/>
    public override IDisposable CreateScratch() => new ImageTransform.Scratch();

    /// <inheritdoc/>
    public override void Make(int sample, Rng rng, Span<float> destination, IDisposable scratch)
    {
        ImageTransform.Scratch working = (ImageTransform.Scratch)scratch;
        (int item, int view) = Math.DivRem(sample, Views);
        Span<int> frames = working.Numbers(transform.NumFrames);
        if (transform.ReadsClips) transform.Frames(items.FrameCount(item), view, rng, frames);
        else frames.Clear();
        working.Load(items, item, frames, transform.DecodedSide, again: view > 0);
        transform.Apply(working.Frames, view, rng, destination, working);
    }
}
