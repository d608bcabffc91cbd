using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Loading;
using AdaptFormer.Data.Transforms;
using AdaptFormer.Tensors;
using Xunit;

namespace AdaptFormer.Tests.Data.Video;

public sealed class ClipSamplesTests
{
    [Theory]
    [InlineData(384)]
    [InlineData(224)]
    public void A_video_and_its_frames_make_the_same_sample(int side)
    {
        FFmpegTests.RequireFFmpeg();
        ImageTransform transform = ImageTransform.ForEvaluation(Options(side, side));
        float[] video = Sample(Inputs.At("stripes", "clip.mp4"), transform), frames = Sample(Inputs.At("stripes", "frames"), transform);
        double difference = video.Zip(frames, (a, b) => Math.Abs(a - b)).Average();
        Assert.InRange(difference, 0, 0.01);      // the video's own compression; reduced to 256 pixels first it is above 0.1
    }

    [Fact]
    public void Only_videos_far_larger_than_the_model_sees_are_reduced_when_decoded()
    {
        Assert.Equal(896, ImageTransform.ForTraining(Options(224, 256)).DecodedSide);
        Assert.Equal(2048, ImageTransform.ForEvaluation(Options(224, 512)).DecodedSide);
    }

    private static TransformOptions Options(int side, int resize) =>
        new(side, Interpolation: Interpolation.Bilinear, EvalResize: resize, Statistics: PixelStatistics.None, Clip: new ClipOptions(2));

    private static float[] Sample(string path, ImageTransform transform)
    {
        ItemSamples samples = new(UnlabelledDataset.Of([path], clips: true), transform);
        using IDisposable scratch = samples.CreateScratch();
        float[] sample = new float[samples.Length];
        samples.Make(0, new Rng(0), sample, scratch);
        return sample;
    }
}
