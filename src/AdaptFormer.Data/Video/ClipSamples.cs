using AdaptFormer.Tensors;

namespace AdaptFormer.Data;

/// <summary>Clips, decoded and transformed; several samples of each when it is scored by more than one view.</summary>
/// <param name="clips">The clips.</param>
/// <param name="transform">What becomes of each.</param>
public sealed class ClipSamples(ClipDataset clips, ClipTransform transform) : SampleMaker
{
    /// <inheritdoc/>
    public override LabelledDataset Data => clips;

    /// <inheritdoc/>
    public override IReadOnlyList<int> Dims { get; } = [3, transform.Options.NumFrames, transform.Options.ImgSize, transform.Options.ImgSize];

    /// <inheritdoc/>
    public override int Views => transform.Views;

    /// <inheritdoc/>
    public override bool IsDeterministic => transform.IsDeterministic;

    /// <inheritdoc/>
    public override string Description => transform.Description;

    /// <inheritdoc/>
    public override OrientationRule Orientation => transform.Options.Orientation;

    /// <inheritdoc/>
    public override IDisposable CreateScratch() => new ClipTransform.Scratch();

    /// <inheritdoc/>
    public override void Make(int sample, Rng rng, Span<float> destination, IDisposable scratch)
    {
        ClipTransform.Scratch working = (ClipTransform.Scratch)scratch;
        (int clip, int view) = Math.DivRem(sample, Views);
        Span<int> frames = working.Numbers(transform.Options.NumFrames);
        transform.Frames(clips.FrameCount(clip), view, rng, frames);
        working.Load(clips, clip, frames, transform.DecodedSide);
        transform.Apply(working.Decoded, view, rng, destination, working);
    }
}
