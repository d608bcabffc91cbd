using System.Buffers.Binary;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Images;
using AdaptFormer.Data.Loading;
using AdaptFormer.Data.Transforms;
using AdaptFormer.Data.Video;
using AdaptFormer.Tensors;
using Xunit;

namespace AdaptFormer.Tests.Data.Video;

public sealed class ClipOrientationTests : IDisposable
{
    private static readonly Lazy<byte[]> Unturned = new(Encode);
    private readonly TempFolder _folder = new();

    public static TheoryData<Orientation> All => OrientedFile.All;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(All))]
    public void A_video_and_its_frames_follow_one_rule(Orientation orientation)
    {
        string video = Video(orientation);
        VideoInfo info = FFmpeg.Probe(video);
        Assert.Equal((48, 32, orientation), (info.Width, info.Height, info.Orientation));
        using ClipBuffer frames = new();
        FFmpeg.Decode(video, info, [.. Enumerable.Range(0, info.Frames)], frames);
        for (int t = 0; t < info.Frames; t++) _folder.Write($"frames/{t:000}.png", OrientedFile.Png(frames[t], OrientedFile.Exif((int)orientation)));
        float[] applied = Sample(video, OrientationRule.Apply), ignored = Sample(video, OrientationRule.Ignore);
        Assert.Equal(applied, Sample(_folder["frames"], OrientationRule.Apply));
        Assert.Equal(ignored, Sample(_folder["frames"], OrientationRule.Ignore));
        Assert.Equal(orientation == Orientation.Normal, applied.SequenceEqual(ignored));
    }

    [Theory]
    [InlineData(Orientation.QuarterRight)]
    [InlineData(Orientation.UpsideDown)]
    [InlineData(Orientation.QuarterLeft)]
    public void A_turned_video_is_what_ffmpeg_shows(Orientation orientation)
    {
        string video = Video(orientation);
        FFmpeg.Run("ffmpeg", ["-v", "error", "-y", "-i", video, "-frames:v", "1", _folder["first.png"]], output => output.CopyTo(Stream.Null), "test");
        using ImageBuffer expected = ImageDecoder.Decode(_folder["first.png"]), shown = new();
        using ClipBuffer frames = new();
        FFmpeg.Decode(video, FFmpeg.Probe(video), [0], frames);
        Uprighting.Turn(frames[0], shown);
        Assert.Equal((expected.Width, expected.Height), (shown.Width, shown.Height));
        double sum = 0;
        for (int i = 0; i < shown.Pixels.Length; i++) sum += Math.Abs(shown.Pixels[i] - expected.Pixels[i]);
        Assert.InRange(sum / shown.Pixels.Length, 0, 6);      // ffmpeg turns colours at half resolution
    }

    [Fact]
    public void A_video_that_carries_a_quarter_turn_is_recognised()
    {
        FFmpegTests.RequireFFmpeg();
        VideoInfo info = FFmpeg.Probe(Inputs.At("orientation", "rot90.mp4"));
        Assert.Equal((64, 48, Orientation.QuarterLeft), (info.Width, info.Height, info.Orientation));
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

    /// <summary>A video without symmetry whose container asks for an orientation: the matrix of its track's header is (a, b, 0, c, d, 0, 0, 0, 1).</summary>
    private string Video(Orientation orientation)
    {
        FFmpegTests.RequireFFmpeg();
        (int a, int b, int c, int d) = orientation switch
        {
            Orientation.Mirrored => (-1, 0, 0, 1),
            Orientation.UpsideDown => (-1, 0, 0, -1),
            Orientation.Flipped => (1, 0, 0, -1),
            Orientation.Transposed => (0, 1, 1, 0),
            Orientation.QuarterRight => (0, 1, -1, 0),
            Orientation.Transversed => (0, -1, -1, 0),
            Orientation.QuarterLeft => (0, -1, 1, 0),
            _ => (1, 0, 0, 1),
        };
        byte[] file = [.. Unturned.Value];
        int at = file.AsSpan().IndexOf("tkhd"u8) + 4 + 40;
        foreach ((int place, int value) in new[] { (0, a), (1, b), (3, c), (4, d) }) BinaryPrimitives.WriteInt32BigEndian(file.AsSpan(at + (4 * place)), value * 65_536);
        return _folder.Write("v.mp4", file);
    }

    private static byte[] Encode()
    {
        using TempFolder folder = new();
        for (int t = 0; t < 5; t++)
        {
            using ImageBuffer frame = new(48, 32);
            for (int i = 0; i < frame.Pixels.Length; i++) frame.Pixels[i] = (byte)((i / 3 % 48 * 3) + (i / 144 * 2) + (10 * t) + (i / 144 < 10 && i / 3 % 48 < 12 ? 60 : 0));
            PngWriter.Save(folder[$"{t}.png"], frame);
        }

        string path = folder["made.mp4"];
        FFmpeg.Run("ffmpeg", ["-v", "error", "-y", "-framerate", "10", "-i", folder["%d.png"], "-pix_fmt", "yuv420p", path], output => output.CopyTo(Stream.Null), path);
        return File.ReadAllBytes(path);
    }

    private static float[] Sample(string clip, OrientationRule rule, int frames = 4)
    {
        TransformOptions options = new(
            16, EvalResize: 16, Interpolation: Interpolation.Bilinear, Statistics: PixelStatistics.None, Clip: new ClipOptions(frames), Orientation: rule);
        ItemSamples samples = new(UnlabelledDataset.Of([clip], clips: true), ImageTransform.ForEvaluation(options));
        using IDisposable scratch = samples.CreateScratch();
        float[] sample = new float[samples.Length];
        samples.Make(0, new Rng(0), sample, scratch);
        return sample;
    }
}
