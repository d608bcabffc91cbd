using AdaptFormer.Tensors;

namespace AdaptFormer.Data;

/// <summary>Pictures, decoded and transformed.</summary>
/// <param name="pictures">The pictures.</param>
/// <param name="transform">What becomes of each.</param>
public sealed class PictureSamples(ImageDataset pictures, ImageTransform transform) : SampleMaker
{
    /// <inheritdoc/>
    public override LabelledDataset Data => pictures;

    /// <inheritdoc/>
    public override IReadOnlyList<int> Dims { get; } = [3, transform.ImgSize, transform.ImgSize];

    /// <inheritdoc/>
    public override bool IsDeterministic => transform.IsDeterministic;

    /// <inheritdoc/>
    public override string Description => transform.Description;

    /// <inheritdoc/>
    public override OrientationRule Orientation => transform.Orientation;

    /// <inheritdoc/>
    public override IDisposable CreateScratch() => new ImageTransform.Scratch();

    /// <inheritdoc/>
    public override void Make(int sample, Rng rng, Span<float> destination, IDisposable scratch)
    {
        ImageTransform.Scratch working = (ImageTransform.Scratch)scratch;
        pictures.Load(sample, working.Decoded);
        transform.Apply(working.Decoded, rng, destination, working);
    }
}
