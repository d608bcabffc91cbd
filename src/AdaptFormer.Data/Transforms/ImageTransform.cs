using AdaptFormer.Tensors;

namespace AdaptFormer.Data;

/// <summary>
/// The way from a decoded picture to the model's input: turned as its file says, then crop and resize in 8 bits, then mirror and
/// normalise into the batch in
/// one pass. Immutable, safe for many threads; what a thread needs to work lives in its <see cref="Scratch"/>.
/// </summary>
public sealed class ImageTransform
{
    private readonly TransformOptions _options;
    private readonly PixelNormalizer _normalizer;
    private readonly RandomResizedCrop _randomCrop;
    private readonly bool _train;
    private readonly (byte R, byte G, byte B) _fill;

    private ImageTransform(TransformOptions options, bool train)
    {
        options.Validate();
        (_options, _train) = (options, train);
        _normalizer = options.Normalizer();
        _fill = _normalizer.MeanColor;
        _randomCrop = new RandomResizedCrop(options.MinArea, Retry: options.Crop == TrainCrop.RandomResizedRetry);
    }

    /// <summary>Side S of the result.</summary>
    public int ImgSize => _options.ImgSize;

    /// <summary>Whether pictures are turned as their files say.</summary>
    public OrientationRule Orientation => _options.Orientation;

    /// <summary>Number of floats of one sample, 3 · S · S.</summary>
    public int SampleLength => 3 * ImgSize * ImgSize;

    /// <summary>Whether the same picture always gives the same sample.</summary>
    public bool IsDeterministic => !_train || (_options is { Flip: false, ColorJitter: null, RandAugment: null, Erase: 0 } && _options.Crop is TrainCrop.Center or TrainCrop.Stretch);

    /// <summary>Everything that the result depends on, as text: equal exactly for transforms that do the same.</summary>
    public string Description => FormattableString.Invariant(
        $"{(_train ? "train" : "eval")} {_options with { Mean = null, Std = null }} mean {string.Join(' ', _options.Mean ?? [])} std {string.Join(' ', _options.Std ?? [])}");

    /// <summary>The augmenting transform of training.</summary>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public static ImageTransform ForTraining(TransformOptions options) => new(options, train: true);

    /// <summary>The fixed transform of evaluation and prediction.</summary>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public static ImageTransform ForEvaluation(TransformOptions options) => new(options, train: false);

    /// <summary>Transforms one picture.</summary>
    /// <param name="image">The picture.</param>
    /// <param name="rng">The sample's own random stream; not read when the transform is fixed.</param>
    /// <param name="chw">Receives [3, S, S] normalised values.</param>
    /// <param name="scratch">The calling thread's working memory.</param>
    /// <exception cref="ArgumentException"><paramref name="chw"/> does not have <see cref="SampleLength"/> values.</exception>
    public void Apply(ImageBuffer image, Rng rng, Span<float> chw, Scratch scratch)
    {
        int size = ImgSize;
        image = Uprighting.Shown(_options.Orientation, image, scratch.Upright);
        ImageBuffer framed = scratch.Framed;
        TrainCrop crop = _train ? _options.Crop : TrainCrop.Center;
        if (crop is TrainCrop.RandomResized or TrainCrop.RandomResizedRetry)
            scratch.Resizer.Resize(image, _randomCrop.Sample(image.Width, image.Height, rng), size, size, _options.Interpolation, framed);
        else if (crop == TrainCrop.Stretch || _options.EvalResize == 0)
            scratch.Resizer.Resize(image, PixelBox.Of(image), size, size, _options.Interpolation, framed);
        else
            ResizeAndCrop(image, framed, scratch.Resizer);

        bool flip = _train && _options.Flip && rng.NextDouble() < 0.5;
        if (_train) Recolor(framed, rng, scratch);
        _normalizer.ToChw(framed, flip, chw);
        if (_train && _options.Erase > 0) RandomErasing.Apply(chw, size, size, _options.Erase, rng);
    }

    private void Recolor(ImageBuffer framed, Rng rng, Scratch scratch)
    {
        _options.ColorJitter?.Apply(framed, rng);
        _options.RandAugment?.Apply(framed, rng, _options.Interpolation != Interpolation.Bilinear, _fill, scratch.Moved);
    }

    /// <summary>Short side to <see cref="TransformOptions.EvalResize"/>, then the centre; only the centre is computed.</summary>
    private void ResizeAndCrop(ImageBuffer image, ImageBuffer framed, ImageResizer resizer)
    {
        int side = _options.EvalResize;
        (int width, int height) = _options.EvalStretch ? (side, side) : Framing.ShortSide(image.Width, image.Height, side);
        PixelBox center = Framing.CenterCrop(width, height, ImgSize, ImgSize);
        resizer.Resize(image, PixelBox.Of(image), width, height, _options.Interpolation, center, framed);
    }

    /// <summary>Working memory of one thread: the decoded picture, the framed one and the resizer's weights.</summary>
    public sealed class Scratch : IDisposable
    {
        /// <summary>Room for the decoded picture.</summary>
        public ImageBuffer Decoded { get; } = new();

        internal ImageBuffer Upright { get; } = new();

        internal ImageBuffer Framed { get; } = new();

        internal ImageBuffer Moved { get; } = new();

        internal ImageResizer Resizer { get; } = new();

        /// <summary>Returns the memory to its pool.</summary>
        public void Dispose()
        {
            Decoded.Dispose();
            Upright.Dispose();
            Framed.Dispose();
            Moved.Dispose();
            Resizer.Dispose();
        }
    }
}
