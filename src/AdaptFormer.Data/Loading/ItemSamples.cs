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
    public override PixelNormalizer? Normalizer => transform.ByteNormalizer;

    /// <inheritdoc/>
    public override void Make(int sample, Rng rng, Span<float> destination, IDisposable scratch) =>
        transform.Apply(Frames(sample, rng, scratch, out int view).Frames, view, rng, destination, (ImageTransform.Scratch)scratch);

    /// <inheritdoc/>
    public override void Make(int sample, Rng rng, Span<byte> destination, IDisposable scratch) =>
        transform.Apply(Frames(sample, rng, scratch, out int view).Frames, view, rng, destination, (ImageTransform.Scratch)scratch);

    private ImageTransform.Scratch Frames(int sample, Rng rng, IDisposable scratch, out int view)
    {
        ImageTransform.Scratch working = (ImageTransform.Scratch)scratch;
        (int item, view) = Math.DivRem(sample, Views);
        Span<int> frames = working.Numbers(transform.NumFrames);
        if (transform.ReadsClips) transform.Frames(items.FrameCount(item), view, rng, frames);
        else frames.Clear();
        working.Load(items, item, frames, transform.DecodedSide, again: view > 0);
        return working;
    }
}
