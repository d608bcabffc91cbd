using AdaptFormer.Data;
using AdaptFormer.Tensors;
using Xunit;

namespace AdaptFormer.Tests.Data.Video;

public sealed class ClipOrientationTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(OrientationRule.Apply)]
    [InlineData(OrientationRule.Ignore)]
    public void A_video_and_its_frames_follow_one_rule(OrientationRule rule)
    {
        FFmpegTests.RequireFFmpeg();
        string video = Inputs.At("orientation", "rot90.mp4");
        VideoInfo info = FFmpeg.Probe(video);
        Assert.Equal((64, 48, Orientation.QuarterLeft), (info.Width, info.Height, info.Orientation));
        using ClipBuffer frames = new();
        FFmpeg.Decode(video, info, [.. Enumerable.Range(0, info.Frames)], frames);
        for (int t = 0; t < info.Frames; t++) _folder.Write($"frames/{t:000}.png", OrientedFile.Png(frames[t], OrientedFile.Exif((int)info.Orientation)));
        Assert.Equal(Sample(video, rule), Sample(_folder["frames"], rule));
        Assert.NotEqual(Sample(video, OrientationRule.Apply), Sample(video, OrientationRule.Ignore));
    }

    [Fact]
    public void A_turned_video_is_what_ffmpeg_shows()
    {
        FFmpegTests.RequireFFmpeg();
        string video = Inputs.At("orientation", "rot90.mp4");
        FFmpeg.Run("ffmpeg", ["-v", "error", "-y", "-i", video, "-frames:v", "1", _folder["first.png"]], output => output.CopyTo(Stream.Null), "test");
        using ImageBuffer expected = ImageDecoder.Decode(_folder["first.png"]), shown = new();
        using ClipBuffer frames = new();
        FFmpeg.Decode(video, FFmpeg.Probe(video), [0], frames);
        Uprighting.Turn(frames[0], shown);
        Assert.Equal((expected.Width, expected.Height), (shown.Width, shown.Height));
        double sum = 0;
        for (int i = 0; i < shown.Pixels.Length; i++) sum += Math.Abs(shown.Pixels[i] - expected.Pixels[i]);
        Assert.InRange(sum / shown.Pixels.Length, 0, 3);      // ffmpeg turns colours at half resolution
    }

    [Fact]
    public void Frames_that_are_turned_to_several_sizes_are_refused()
    {
        using ImageBuffer picture = OrientedFile.Picture();
        _folder.Write("frames/1.png", OrientedFile.Png(picture, OrientedFile.Exif(1)));
        _folder.Write("frames/2.png", OrientedFile.Png(picture, OrientedFile.Exif(6)));
        Assert.Contains("Frame 1 of the clip is turned to 16x24", Assert.Throws<InvalidDataException>(() => Sample(_folder["frames"], OrientationRule.Apply, 2)).Message);
        Sample(_folder["frames"], OrientationRule.Ignore, 2);
    }

    [Theory]
    [InlineData("[]", Orientation.Normal)]
    [InlineData("""[{"rotation":-90}]""", Orientation.QuarterRight)]
    [InlineData("""[{"rotation":180}]""", Orientation.UpsideDown)]
    [InlineData("""[{"rotation":33}]""", Orientation.Normal)]
    [InlineData("""[{"displaymatrix":"\n00000000: 0 65536 0\n00000001: -65536 0 0\n00000002: 0 0 1\n","rotation":-90}]""", Orientation.QuarterRight)]
    [InlineData("""[{"displaymatrix":"\n00000000: -65536 0 0\n00000001: 0 65536 0\n00000002: 0 0 1\n","rotation":0}]""", Orientation.Mirrored)]
    [InlineData("""[{"displaymatrix":"\n00000000: 0 65536 0\n00000001: 65536 0 0\n00000002: 0 0 1\n","rotation":-90}]""", Orientation.Transposed)]
    [InlineData("""[{"displaymatrix":"nonsense","rotation":90}]""", Orientation.QuarterLeft)]
    public void The_matrix_of_a_container_is_read(string sideData, Orientation expected)
    {
        using System.Text.Json.JsonDocument stream = System.Text.Json.JsonDocument.Parse($$"""{"side_data_list":{{sideData}}}""");
        Assert.Equal(expected, DisplayMatrix.Of(stream.RootElement));
        using System.Text.Json.JsonDocument old = System.Text.Json.JsonDocument.Parse("""{"tags":{"rotate":"270"}}""");
        Assert.Equal(Orientation.QuarterLeft, DisplayMatrix.Of(old.RootElement));
    }

    private static float[] Sample(string clip, OrientationRule rule, int frames = 4)
    {
        ClipSamples samples = new(new UnlabelledClips([clip]), new ClipTransform(new ClipOptions(frames, 16, Orientation: rule), [0, 0, 0], [1, 1, 1], train: false));
        using IDisposable scratch = samples.CreateScratch();
        float[] sample = new float[samples.Length];
        samples.Make(0, new Rng(0), sample, scratch);
        return sample;
    }
}
