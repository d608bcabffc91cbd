using AdaptFormer.Data.Images;
using AdaptFormer.Data.Transforms;
using AdaptFormer.Data.Transforms.Augment;
using AdaptFormer.Tensors;
using Xunit;

namespace AdaptFormer.Tests.Data.Video;

public sealed class ClipTransformTests
{
    private static readonly float[] Mean = [0.485f, 0.456f, 0.406f], Std = [0.229f, 0.224f, 0.225f];

    [Fact]
    public void Multi_scale_sizes_and_places_are_those_of_the_rule()
    {
        MultiScaleCrop crop = new(224);
        Assert.Equal([256, 224, 192, 168], MultiScaleCrop.Scales.Select(scale => (int)(256 * scale)));
        Assert.Equal(
            [(256, 256), (224, 256), (256, 224), (224, 224), (192, 224), (224, 192), (192, 192), (168, 192), (192, 168), (168, 168)],
            Sizes(crop, 340, 256));
        Assert.Equal(
            [(0, 0), (100, 0), (0, 60), (100, 60), (50, 30), (0, 30), (100, 30), (50, 60), (50, 0), (25, 15), (75, 15), (25, 45), (75, 45)],
            Enumerable.Range(0, MultiScaleCrop.PlaceCount).Select(place => MultiScaleCrop.Place(place, 100, 60)));
        Assert.Contains((224, 224), Sizes(crop, 340, 226));      // within 3 pixels of the result's size

        static IEnumerable<(int Width, int Height)> Sizes(MultiScaleCrop crop, int width, int height) => Enumerable.Range(0, MultiScaleCrop.SizeCount).Select(size => crop.Size(size, width, height));
    }

    [Fact]
    public void Crops_stay_inside_the_frame()
    {
        Rng rng = new(2);
        for (int trial = 0; trial < 500; trial++)
        {
            (int width, int height) = (8 + rng.NextInt(400), 8 + rng.NextInt(400));
            PixelBox box = new MultiScaleCrop(224).Sample(width, height, rng);
            Assert.InRange(box.Left, 0, width - box.Width);
            Assert.InRange(box.Top, 0, height - box.Height);
            Assert.True(box is { Width: > 0, Height: > 0 });
        }
    }

    [Theory]
    [InlineData(TrainCrop.MultiScale, true)]
    [InlineData(TrainCrop.RandomResized, false)]
    public void A_training_clip_is_each_frame_cut_alike_resized_and_normalised(TrainCrop crop, bool flip)
    {
        const int T = 3, S = 8;
        TransformOptions options = Options(T, S) with { Crop = crop, Flip = flip };
        using ClipBuffer clip = Clip(T, 20, 14);
        using ImageTransform.Scratch scratch = new();
        float[] made = new float[3 * T * S * S];
        Rng rng = new(9);
        ImageTransform.ForTraining(options).Apply(clip, 0, rng, made, scratch);

        // The same draws in the same order, frame by frame with the pieces that pictures use.
        Rng draws = new(9);
        PixelBox box = crop == TrainCrop.MultiScale ? new MultiScaleCrop(S).Sample(20, 14, draws) : new RandomResizedCrop(0.08).Sample(20, 14, draws);
        bool mirrored = flip && draws.NextDouble() < 0.5;
        using ImageBuffer framed = new();
        using ImageResizer resizer = new();
        for (int t = 0; t < T; t++)
        {
            resizer.Resize(clip[t], box, S, S, Interpolation.Bilinear, framed);
            for (int c = 0; c < 3; c++)
            {
                for (int i = 0; i < S * S; i++)
                {
                    int x = mirrored ? S - 1 - (i % S) : i % S;
                    float expected = ((framed.Pixels[(((i / S * S) + x) * 3) + c] / 255f) - Mean[c]) / Std[c];
                    Assert.Equal(expected, made[(((c * T) + t) * S * S) + i], 1e-5f);
                }
            }
        }
    }

    [Theory]
    [InlineData(24, 8)]
    [InlineData(8, 24)]
    public void Three_crops_lie_at_the_start_the_middle_and_the_end_of_the_longer_side(int width, int height)
    {
        TransformOptions options = Options(1, 8) with { Crops = 3, Statistics = PixelStatistics.None, Clip = new ClipOptions(1, Segments: 2) };
        ImageTransform transform = ImageTransform.ForEvaluation(options);
        Assert.Equal(6, transform.Views);
        using ClipBuffer clip = new();
        clip.Reset(1);
        clip[0].Reset(width, height);      // no resize: a pixel's value is its place along the longer side
        for (int i = 0; i < clip[0].Pixels.Length; i++) clip[0].Pixels[i] = (byte)(width > height ? i / 3 % width : i / 3 / width);
        using ImageTransform.Scratch scratch = new();
        foreach ((int view, int first) in new[] { (0, 0), (1, 8), (2, 16), (3, 0), (4, 8), (5, 16) })
        {
            float[] made = new float[3 * 64];
            transform.Apply(clip, view, new Rng(0), made, scratch);
            Assert.Equal(first, made[0] * 255, 1e-3);
            Assert.Equal(first + 7, made[63] * 255, 1e-3);
        }
    }

    [Fact]
    public void Options_out_of_range_are_all_named()
    {
        string message = Assert.Throws<ArgumentException>(() => ImageTransform.ForTraining(Options(0, 8) with { Crops = 2, Clip = new ClipOptions(0, SamplingRate: 0) })).Message;
        Assert.Contains("num_frames is 0", message, StringComparison.Ordinal);
        Assert.Contains("crops is 2", message, StringComparison.Ordinal);
        Assert.Contains("sampling_rate is 0", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Colours_changes_and_erasing_are_the_same_for_all_frames_of_a_clip_and_those_of_a_picture()
    {
        const int T = 3, S = 8;
        TransformOptions options = Options(T, S) with
        {
            Crop = TrainCrop.Center,
            Flip = true,
            ColorJitter = new ColorJitter(0.5, 0.5, 0.5, 0.2),
            RandAugment = new RandAugment(4),
            Erase = 1,
        };
        using ClipBuffer clip = Clip(T, 20, 14);
        clip[1].CopyFrom(clip[0]);
        using ImageTransform.Scratch scratch = new();
        float[] made = new float[3 * T * S * S], plain = new float[made.Length], picture = new float[3 * S * S];
        for (int seed = 0; seed < 5; seed++)
        {
            ImageTransform.ForTraining(options).Apply(clip, 0, new Rng(seed), made, scratch);
            ImageTransform.ForTraining(options with { Clip = null }).Apply(clip[0], new Rng(seed), picture, scratch);
            for (int c = 0; c < 3; c++)
            {
                Assert.Equal(picture.AsSpan(c * S * S, S * S).ToArray(), made.AsSpan(c * T * S * S, S * S).ToArray());
                Assert.Equal(picture.AsSpan(c * S * S, S * S).ToArray(), made.AsSpan(((c * T) + 1) * S * S, S * S).ToArray());
            }
        }

        ImageTransform.ForEvaluation(options).Apply(clip, 0, new Rng(0), plain, scratch);
        Assert.NotEqual(plain, made);
    }

    private static TransformOptions Options(int frames, int side) =>
        new(side, TrainCrop.MultiScale, Flip: false, Interpolation: Interpolation.Bilinear, EvalResize: side, Clip: new ClipOptions(frames));

    internal static ClipBuffer Clip(int frames, int width, int height)
    {
        ClipBuffer clip = new();
        clip.Reset(frames);
        Rng rng = new(4);
        for (int t = 0; t < frames; t++)
        {
            clip[t].Reset(width, height);
            foreach (ref byte value in clip[t].Pixels) value = (byte)rng.NextInt(256);
        }

        return clip;
    }
}
