using System.Globalization;
using System.Text.Json.Serialization;
using AdaptFormer.Tensors;

namespace AdaptFormer.Data;

/// <summary>How the frames of a training clip are cut; all frames of a clip in the same way.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ClipCrop>))]
public enum ClipCrop
{
    /// <summary><see cref="Data.MultiScaleCrop"/>: the authors' video code.</summary>
    [JsonStringEnumMemberName("multi_scale")]
    MultiScale,

    /// <summary>Random area and ratio, one draw clipped to the frame.</summary>
    [JsonStringEnumMemberName("random_resized")]
    RandomResized,

    /// <summary>Shorter side resized, then the centre, as for scoring.</summary>
    [JsonStringEnumMemberName("center")]
    Center,
}

/// <summary>From video to normalised [3, T, S, S] floats.</summary>
/// <param name="NumFrames">Frames of a clip T.</param>
/// <param name="ImgSize">Side S in pixels.</param>
/// <param name="Sampling">Which frames.</param>
/// <param name="SamplingRate">Distance between the frames of a dense clip.</param>
/// <param name="Crop">How training cuts the frames.</param>
/// <param name="Flip">Whether training mirrors half of the clips; wrong where left and right matter (Something-Something).</param>
/// <param name="MinArea">Smallest part of the area that <see cref="ClipCrop.RandomResized"/> keeps, in (0, 1].</param>
/// <param name="Segments">Clips of a video that are scored together.</param>
/// <param name="Crops">Places on the longer side that each of them is scored at: 1 (the centre) or 3.</param>
/// <param name="EvalResize">Shorter side before the crop for scoring, in pixels; 0 takes S itself.</param>
/// <param name="Interpolation">Filter of every resize.</param>
/// <param name="Orientation">Whether frames are turned as their video, or their own file, says.</param>
public sealed record ClipOptions(
    int NumFrames = 8, int ImgSize = 224, FrameSampling Sampling = FrameSampling.Segments, int SamplingRate = 4, ClipCrop Crop = ClipCrop.MultiScale, bool Flip = false,
    double MinArea = 0.08, int Segments = 1, int Crops = 1, int EvalResize = 0, Interpolation Interpolation = Interpolation.Bilinear,
    OrientationRule Orientation = OrientationRule.Apply)
{
    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">A value is out of range; the message lists all such values.</exception>
    public void Validate()
    {
        List<string> problems = [];
        if (NumFrames is < 1 or > 1024) problems.Add($"num_frames is {NumFrames}, possible are 1 to 1024");
        if (ImgSize is < 1 or > 4096) problems.Add($"img_size is {ImgSize}, possible are 1 to 4096");
        if (SamplingRate is < 1 or > 1024) problems.Add($"sampling_rate is {SamplingRate}, possible are 1 to 1024");
        if (Segments is < 1 or > 100) problems.Add($"segments is {Segments}, possible are 1 to 100");
        if (Crops is not (1 or 3)) problems.Add($"crops is {Crops}, possible are 1 and 3");
        if (!(MinArea > 0 && MinArea <= 1)) problems.Add($"min_area is {MinArea}, possible are values in (0, 1]");
        if (EvalResize != 0 && (EvalResize < ImgSize || EvalResize > 8192)) problems.Add($"eval_resize is {EvalResize}, possible are 0 and img_size ({ImgSize}) to 8192");
        if (problems.Count > 0) throw new ArgumentException($"Clips: {string.Join("; ", problems)}.");
    }
}

/// <summary>The way from decoded frames to a model's input. Immutable, safe for many threads.</summary>
public sealed class ClipTransform
{
    private readonly PixelNormalizer _normalizer;
    private readonly MultiScaleCrop _multiScale;
    private readonly RandomResizedCrop _randomCrop;
    private readonly bool _train;

    /// <summary>A transform.</summary>
    /// <param name="options">Sizes and rules.</param>
    /// <param name="mean">Of R, G, B, in [0, 1].</param>
    /// <param name="std">Of R, G, B.</param>
    /// <param name="train">With the augmentation of training.</param>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public ClipTransform(ClipOptions options, IReadOnlyList<float> mean, IReadOnlyList<float> std, bool train)
    {
        options.Validate();
        (Options, _train) = (options, train);
        _normalizer = new PixelNormalizer([.. mean], [.. std]);
        _multiScale = new MultiScaleCrop(options.ImgSize);
        _randomCrop = new RandomResizedCrop(options.MinArea);
        Description = string.Create(CultureInfo.InvariantCulture, $"{(train ? "train" : "eval")} {options} mean {string.Join(' ', mean)} std {string.Join(' ', std)}");
    }

    /// <summary>Sizes and rules.</summary>
    public ClipOptions Options { get; }

    /// <summary>Everything that the result depends on, as text.</summary>
    public string Description { get; }

    /// <summary>Samples of one video.</summary>
    public int Views => _train ? 1 : Options.Segments * Options.Crops;

    /// <summary>
    /// Shorter side that videos may be reduced to when they are decoded: four times the side that the frames are resized to before or by
    /// the crop, so that only
    /// very large ones are, and what the model sees is that of frames that lie in a folder.
    /// </summary>
    public int DecodedSide => 4 * Math.Max(Options.ImgSize, _train ? 0 : Options.EvalResize);

    /// <summary>Whether the same video always gives the same samples.</summary>
    public bool IsDeterministic => !_train || (Options.Sampling == FrameSampling.Uniform && Options.Crop == ClipCrop.Center && !Options.Flip);

    /// <summary>The frames of a sample.</summary>
    /// <param name="frames">Frames of the video.</param>
    /// <param name="view">Which sample of it, in [0, <see cref="Views"/>): crops of the first clip, then of the second.</param>
    /// <param name="rng">Drawn from in training alone.</param>
    /// <param name="into">Receives T numbers, ascending.</param>
    public void Frames(int frames, int view, Rng rng, Span<int> into)
    {
        if (_train) FrameIndices.ForTraining(Options.Sampling, frames, Options.SamplingRate, rng, into);
        else FrameIndices.ForScoring(Options.Sampling, frames, Options.SamplingRate, view / Options.Crops, Options.Segments, into);
    }

    /// <summary>Cuts, resizes and normalises frames.</summary>
    /// <param name="clip">T frames.</param>
    /// <param name="view">Which sample of the video.</param>
    /// <param name="rng">Drawn from in training alone, after <see cref="Frames"/>.</param>
    /// <param name="destination">Receives [3, T, S, S].</param>
    /// <param name="scratch">The calling thread's working memory.</param>
    /// <exception cref="ArgumentException">The clip has another number of frames.</exception>
    /// <exception cref="InvalidDataException">Its frames are turned to several sizes.</exception>
    public void Apply(ClipBuffer clip, int view, Rng rng, Span<float> destination, Scratch scratch)
    {
        if (clip.Count != Options.NumFrames) throw new ArgumentException($"ClipTransform: the clip has {clip.Count} frames, expected {Options.NumFrames}.", nameof(clip));
        (int width, int height) = Uprighting.ShownSize(Options.Orientation, clip[0]);
        PixelBox? box = !_train ? null : Options.Crop switch
        {
            ClipCrop.MultiScale => _multiScale.Sample(width, height, rng),
            ClipCrop.RandomResized => _randomCrop.Sample(width, height, rng),
            _ => null,
        };
        bool flip = _train && Options.Flip && rng.NextDouble() < 0.5;
        int side = Options.ImgSize, area = side * side;
        float[] frame = scratch.Frame(3 * area);
        for (int t = 0; t < clip.Count; t++)
        {
            ImageBuffer shown = Uprighting.Shown(Options.Orientation, clip[t], scratch.Upright);
            if (shown.Width != width || shown.Height != height)
                throw new InvalidDataException($"Frame {t} of the clip is turned to {shown.Width}x{shown.Height} pixels, the first to {width}x{height}.");
            if (box is { } cut) scratch.Resizer.Resize(shown, cut, side, side, Options.Interpolation, scratch.Framed);
            else ResizeAndCrop(shown, _train ? 1 : Options.Crops, _train ? 0 : view % Options.Crops, scratch);
            _normalizer.ToChw(scratch.Framed, flip, frame);
            for (int c = 0; c < 3; c++) frame.AsSpan(c * area, area).CopyTo(destination[(((c * clip.Count) + t) * area)..]);
        }
    }

    /// <summary>Shorter side resized; then the centre, or one of three places along the longer side.</summary>
    private void ResizeAndCrop(ImageBuffer frame, int crops, int crop, Scratch scratch)
    {
        int side = Options.ImgSize;
        (int width, int height) = Framing.ShortSide(frame.Width, frame.Height, Options.EvalResize == 0 ? side : Options.EvalResize);
        PixelBox window = Framing.CenterCrop(width, height, side, side);
        if (crops == 3)
        {
            (int freeX, int freeY) = (width - side, height - side);
            window = width >= height ? window with { Left = freeX * crop / 2 } : window with { Top = freeY * crop / 2 };
        }

        scratch.Resizer.Resize(frame, PixelBox.Of(frame), width, height, Options.Interpolation, window, scratch.Framed);
    }

    /// <summary>Working memory of one thread.</summary>
    public sealed class Scratch : IDisposable
    {
        private float[] _frame = [];
        private int[] _numbers = [], _held = [];
        private int _clip = -1;

        /// <summary>Room for the decoded frames.</summary>
        public ClipBuffer Decoded { get; } = new();

        /// <summary>Room for the numbers of <paramref name="count"/> frames.</summary>
        internal Span<int> Numbers(int count)
        {
            if (_numbers.Length != count) _numbers = new int[count];
            return _numbers;
        }

        /// <summary>Reads frames into <see cref="Decoded"/>, unless they are there: the crops of a clip that is scored are of the same
        /// frames.</summary>
        internal void Load(ClipDataset clips, int clip, ReadOnlySpan<int> frames, int shortSide)
        {
            if (clip == _clip && frames.SequenceEqual(_held)) return;
            _clip = -1;      // what a failure leaves behind is no clip
            clips.Load(clip, frames, Decoded, shortSide);
            if (_held.Length != frames.Length) _held = new int[frames.Length];
            frames.CopyTo(_held);
            _clip = clip;
        }

        internal ImageBuffer Upright { get; } = new();

        internal ImageBuffer Framed { get; } = new();

        internal ImageResizer Resizer { get; } = new();

        /// <summary>Returns the memory to its pool.</summary>
        public void Dispose()
        {
            Decoded.Dispose();
            Upright.Dispose();
            Framed.Dispose();
            Resizer.Dispose();
        }

        internal float[] Frame(int length)
        {
            if (_frame.Length != length) _frame = new float[length];
            return _frame;
        }
    }
}
