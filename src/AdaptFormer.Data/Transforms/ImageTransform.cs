using System.Globalization;
using System.Runtime.InteropServices;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Images;
using AdaptFormer.Data.Transforms.Augment;
using AdaptFormer.Tensors;

namespace AdaptFormer.Data.Transforms;

/// <summary>
/// The way from a decoded picture, or the frames of a clip, to the model's input: turned as its file says, then crop and resize in 8 bits,
/// then mirror and normalise into the batch in one pass. All frames of a clip are treated alike, by the same draws. Immutable, safe for
/// many threads; what a thread needs to work lives in its <see cref="Scratch"/>.
/// </summary>
public sealed class ImageTransform
{
    // Far enough from the size that frames are resized to that no reduction by the decoder shows.
    private const int DecodedPerSide = 4;

    private readonly TransformOptions _options;
    private readonly PixelNormalizer _normalizer;
    private readonly RandomResizedCrop _randomCrop;
    private readonly MultiScaleCrop _multiScale;
    private readonly bool _train;
    private readonly (byte R, byte G, byte B) _fill;

    private ImageTransform(TransformOptions options, bool train)
    {
        options.Validate();
        (_options, _train) = (options, train);
        _normalizer = new PixelNormalizer(options.Pixels);
        _fill = _normalizer.MeanColor;
        _randomCrop = new RandomResizedCrop(options.MinArea, Retry: options.Crop == TrainCrop.RandomResizedRetry);
        _multiScale = new MultiScaleCrop(options.ImgSize);
        Dims = ReadsClips ? [3, NumFrames, ImgSize, ImgSize] : [3, ImgSize, ImgSize];
        Description = string.Create(CultureInfo.InvariantCulture, $"{(train ? "train" : "eval")} {options}");
    }

    /// <summary>Side S of the result.</summary>
    public int ImgSize => _options.ImgSize;

    /// <summary>Whether frames are turned as their file says.</summary>
    public OrientationRule Orientation => _options.Orientation;

    /// <summary>Whether samples are made of clips.</summary>
    public bool ReadsClips => _options.Clip is not null;

    /// <summary>Frames of a sample T; 1 of a picture.</summary>
    public int NumFrames => _options.Clip?.NumFrames ?? 1;

    /// <summary>Shape of a sample: [3, S, S] of a picture, [3, T, S, S] of a clip.</summary>
    public IReadOnlyList<int> Dims { get; }

    /// <summary>Number of floats of one sample, 3 · T · S · S.</summary>
    public int SampleLength => 3 * NumFrames * ImgSize * ImgSize;

    /// <summary>Samples of one item.</summary>
    public int Views => _train ? 1 : _options.Crops * (_options.Clip?.Segments ?? 1);

    /// <summary>
    /// Shorter side that videos may be reduced to when they are decoded: four times the side that frames are resized to before or by the
    /// crop, so that only very large ones are, and the model sees what it would see of frames that lie in a folder.
    /// </summary>
    public int DecodedSide => DecodedPerSide * Math.Max(ImgSize, _train ? 0 : _options.EvalResize);

    /// <summary>Whether the same item always gives the same samples.</summary>
    public bool IsDeterministic => !_train
        || (_options is { Flip: false, ColorJitter: null, RandAugment: null, Erase: 0, Crop: TrainCrop.Center or TrainCrop.Stretch }
        && _options.Clip is null or { Sampling: FrameSampling.Uniform });

    /// <summary>Everything that the result depends on, as text: equal exactly for transforms that do the same.</summary>
    public string Description { get; }

    /// <summary>The augmenting transform of training.</summary>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public static ImageTransform ForTraining(TransformOptions options) => new(options, train: true);

    /// <summary>The fixed transform of evaluation and prediction.</summary>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public static ImageTransform ForEvaluation(TransformOptions options) => new(options, train: false);

    /// <summary>The frames of a sample of a clip.</summary>
    /// <param name="frames">Frames of the video.</param>
    /// <param name="view">Which sample of it, in [0, <see cref="Views"/>): crops of the first clip, then of the second.</param>
    /// <param name="rng">Drawn from in training alone.</param>
    /// <param name="into">Receives T numbers, ascending.</param>
    /// <exception cref="InvalidOperationException">The transform is one of pictures.</exception>
    public void Frames(int frames, int view, Rng rng, Span<int> into)
    {
        ClipOptions clip = _options.Clip
            ?? throw new InvalidOperationException("ImageTransform: a transform of pictures takes no frames of a clip.");
        if (_train) FrameIndices.ForTraining(clip.Sampling, frames, clip.SamplingRate, rng, into);
        else FrameIndices.ForScoring(clip.Sampling, frames, clip.SamplingRate, view / _options.Crops, clip.Segments, into);
    }

    /// <summary>Transforms one picture.</summary>
    /// <param name="image">The picture.</param>
    /// <param name="rng">The sample's own random stream; not read when the transform is fixed.</param>
    /// <param name="chw">Receives [3, S, S] normalised values.</param>
    /// <param name="scratch">The calling thread's working memory.</param>
    /// <exception cref="ArgumentException"><paramref name="chw"/> does not have <see cref="SampleLength"/> values.</exception>
    public void Apply(ImageBuffer image, Rng rng, Span<float> chw, Scratch scratch)
    {
        (PixelBox? box, bool flip) = Draw(Uprighting.ShownSize(Orientation, image), rng);
        Frame(Uprighting.Shown(Orientation, image, scratch.Upright), box, flip, 0, rng, chw, scratch);
    }

    /// <summary>Transforms the frames of a sample.</summary>
    /// <param name="frames">T frames; one of a picture.</param>
    /// <param name="view">Which sample of the item.</param>
    /// <param name="rng">The sample's own random stream, drawn from in training alone, after <see cref="Frames"/>.</param>
    /// <param name="destination">Receives [3, T, S, S] normalised values.</param>
    /// <param name="scratch">The calling thread's working memory.</param>
    /// <exception cref="ArgumentException">There is another number of frames, or the destination has another length than
    /// <see cref="SampleLength"/>.</exception>
    /// <exception cref="InvalidDataException">The frames are turned to several sizes.</exception>
    public void Apply(ClipBuffer frames, int view, Rng rng, Span<float> destination, Scratch scratch) =>
        Apply<float>(frames, view, rng, destination, scratch);

    /// <summary>As the other, of 8-bit values that <see cref="ByteNormalizer"/> makes the same numbers of.</summary>
    /// <param name="frames">T frames; one of a picture.</param>
    /// <param name="view">Which sample of the item.</param>
    /// <param name="rng">The sample's own random stream.</param>
    /// <param name="destination">Receives [3, T, S, S] values.</param>
    /// <param name="scratch">The calling thread's working memory.</param>
    public void Apply(ClipBuffer frames, int view, Rng rng, Span<byte> destination, Scratch scratch) =>
        Apply<byte>(frames, view, rng, destination, scratch);

    /// <summary>What the last step is where the result is asked for in 8 bits; null where something follows that 8 bits cannot
    /// hold.</summary>
    public PixelNormalizer? ByteNormalizer => _train && _options.Erase > 0 ? null : _normalizer;

    private void Apply<T>(ClipBuffer frames, int view, Rng rng, Span<T> destination, Scratch scratch) where T : unmanaged
    {
        if (frames.Count != NumFrames)
            throw new ArgumentException($"ImageTransform: {frames.Count} frames, expected {NumFrames}.", nameof(frames));
        (int width, int height) = Uprighting.ShownSize(Orientation, frames[0]);
        (PixelBox? box, bool flip) = Draw((width, height), rng);
        if (NumFrames == 1)
        {
            Frame(Uprighting.Shown(Orientation, frames[0], scratch.Upright), box, flip, view, rng, destination, scratch);
            return;
        }

        int area = ImgSize * ImgSize;
        Span<T> frame = MemoryMarshal.Cast<float, T>(scratch.Frame(3 * area).AsSpan())[..(3 * area)];
        for (int t = 0; t < frames.Count; t++)
        {
            ImageBuffer shown = Uprighting.Shown(Orientation, frames[t], scratch.Upright);
            if (shown.Width != width || shown.Height != height)
            {
                throw new InvalidDataException(
                    $"Frame {t} of the clip is turned to {shown.Width}x{shown.Height} pixels, the first to {width}x{height}.");
            }

            rng.CopyTo(scratch.Draws);      // the same draws for every frame
            Frame(shown, box, flip, view, scratch.Draws, frame, scratch);
            for (int c = 0; c < 3; c++) frame.Slice(c * area, area).CopyTo(destination[(((c * frames.Count) + t) * area)..]);
        }
    }

    /// <summary>The rectangle that a training sample is cut from (null: as in evaluation) and whether it is mirrored.</summary>
    private (PixelBox? Box, bool Flip) Draw((int Width, int Height) shown, Rng rng)
    {
        if (!_train) return (null, false);
        PixelBox? box = _options.Crop switch
        {
            TrainCrop.RandomResized or TrainCrop.RandomResizedRetry => _randomCrop.Sample(shown.Width, shown.Height, rng),
            TrainCrop.MultiScale => _multiScale.Sample(shown.Width, shown.Height, rng),
            TrainCrop.Stretch => new PixelBox(0, 0, shown.Width, shown.Height),
            _ => null,
        };
        return (box, _options.Flip && rng.NextDouble() < 0.5);
    }

    private void Frame<T>(ImageBuffer image, PixelBox? box, bool flip, int view, Rng rng, Span<T> chw, Scratch scratch) where T : unmanaged
    {
        ImageBuffer framed = scratch.Framed;
        if (box is null && _options.EvalResize == 0) box = PixelBox.Of(image);
        if (box is { } cut) scratch.Resizer.Resize(image, cut, ImgSize, ImgSize, _options.Interpolation, framed);
        else ResizeAndCrop(image, _train ? 1 : _options.Crops, view, framed, scratch.Resizer);
        if (_train)
        {
            _options.ColorJitter?.Apply(framed, rng);
            _options.RandAugment?.Apply(framed, rng, _options.Interpolation != Interpolation.Bilinear, _fill, scratch.Moved);
        }

        if (typeof(T) == typeof(byte))
        {
            PixelNormalizer.ToChw(framed, flip, MemoryMarshal.Cast<T, byte>(chw));
            return;
        }

        Span<float> numbers = MemoryMarshal.Cast<T, float>(chw);
        _normalizer.ToChw(framed, flip, numbers);
        if (_train && _options.Erase > 0) RandomErasing.Apply(numbers, ImgSize, ImgSize, _options.Erase, rng);
    }

    /// <summary>Short side to <see cref="TransformOptions.EvalResize"/>; then the centre, or one of three places along the longer side.
    /// Only that is computed.</summary>
    private void ResizeAndCrop(ImageBuffer image, int crops, int view, ImageBuffer framed, ImageResizer resizer)
    {
        int side = _options.EvalResize;
        (int width, int height) = _options.EvalStretch ? (side, side) : Framing.ShortSide(image.Width, image.Height, side);
        PixelBox window = Framing.CenterCrop(width, height, ImgSize, ImgSize);
        if (crops == 3)
        {
            (int freeX, int freeY) = (width - ImgSize, height - ImgSize);
            window = width >= height ? window with { Left = freeX * (view % crops) / 2 } : window with { Top = freeY * (view % crops) / 2 };
        }

        resizer.Resize(image, PixelBox.Of(image), width, height, _options.Interpolation, window, framed);
    }

    /// <summary>Working memory of one thread: decoded and framed pictures and the resizer's weights.</summary>
    public sealed class Scratch : IDisposable
    {
        private float[] _frame = [];
        private int[] _numbers = [], _held = [];
        private int _item = -1;

        /// <summary>Room for a decoded picture.</summary>
        public ImageBuffer Decoded { get; } = new();

        /// <summary>Room for the decoded frames of a sample.</summary>
        public ClipBuffer Frames { get; } = new();

        internal ImageBuffer Upright { get; } = new();

        internal ImageBuffer Framed { get; } = new();

        internal ImageBuffer Moved { get; } = new();

        internal ImageResizer Resizer { get; } = new();

        internal Rng Draws { get; } = new(0);

        /// <summary>Room for the numbers of <paramref name="count"/> frames.</summary>
        internal Span<int> Numbers(int count)
        {
            if (_numbers.Length != count) _numbers = new int[count];
            return _numbers;
        }

        /// <summary>Reads frames into <see cref="Frames"/>, unless <paramref name="again"/> and they are there: the crops of a clip that is
        /// scored are of the same frames.</summary>
        internal void Load(LabelledDataset items, int item, ReadOnlySpan<int> frames, int shortSide, bool again)
        {
            if (again && item == _item && frames.SequenceEqual(_held)) return;
            _item = -1;      // what a failure leaves behind is no item
            items.Load(item, frames, Frames, shortSide);
            if (_held.Length != frames.Length) _held = new int[frames.Length];
            frames.CopyTo(_held);
            _item = item;
        }

        internal float[] Frame(int length)
        {
            if (_frame.Length != length) _frame = new float[length];
            return _frame;
        }

        /// <summary>Returns the memory to its pool.</summary>
        public void Dispose()
        {
            Decoded.Dispose();
            Frames.Dispose();
            Upright.Dispose();
            Framed.Dispose();
            Moved.Dispose();
            Resizer.Dispose();
        }
    }
}
