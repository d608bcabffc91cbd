using System.Collections.Concurrent;
using AdaptFormer.Data.Images;
using AdaptFormer.Data.Video;
using AdaptFormer.Tensors.Backends;
using Xunit;

namespace AdaptFormer.Tests.Data.Video;

public sealed class FFmpegTests : IDisposable
{
    // Asked and made once for all tests.
    private static readonly Lazy<string?> Missing = new(WhyNot);
    private static readonly ConcurrentDictionary<(int Frames, string Ending), byte[]> Made = new();
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Frames_come_in_order_and_repeated_numbers_repeat_the_frame()
    {
        string path = Video("v.mp4", frames: 12);
        VideoInfo info = FFmpeg.Probe(path);
        Assert.Equal((32, 24, 12), (info.Width, info.Height, info.Frames));
        using ClipBuffer clip = new();
        FFmpeg.Decode(path, info, [0, 3, 3, 11], clip);
        Assert.Equal(4, clip.Count);
        double[] gray = [.. Enumerable.Range(0, 4).Select(t => Mean(clip[t]))];      // frame n is about 20·n bright
        Assert.Equal(clip[1].Pixels.ToArray(), clip[2].Pixels.ToArray());
        Assert.InRange(gray[1] - gray[0], 45, 75);
        Assert.InRange(gray[3] - gray[2], 130, 190);
    }

    [Fact]
    public void Large_frames_are_made_smaller_and_small_ones_are_not()
    {
        string path = Video("v.mp4", frames: 3);
        using ClipBuffer clip = new();
        FFmpeg.Decode(path, FFmpeg.Probe(path), [1], clip, shortSide: 12);
        Assert.Equal((16, 12), (clip[0].Width, clip[0].Height));
    }

    [Theory]
    [InlineData("exit 255")]
    [InlineData("kill -TERM $$")]
    public void A_decoder_that_was_stopped_from_outside_is_no_damaged_file(string script)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no such signals.");
        Assert.SkipWhen(NativeSwitch.Off, $"Programs that are not ours are {NativeSwitch.Hidden}.");
        Assert.Throws<OperationCanceledException>(() => FFmpeg.Run("/bin/sh", ["-c", script], output => output.CopyTo(Stream.Null), "v.mp4"));
        FFmpeg.Run("/bin/sh", ["-c", "exit 1"], output => output.CopyTo(Stream.Null), "v.mp4");      // what a decoder says of bad files is read elsewhere
    }

    [Theory]
    [InlineData("empty")]
    [InlineData("random")]
    [InlineData("truncated")]
    public void A_file_that_is_no_video_is_refused_by_name(string kind)
    {
        byte[] bytes = kind == "truncated" ? File.ReadAllBytes(Video("whole.mp4", frames: 10))[..300] : new byte[kind == "empty" ? 0 : 5000];
        if (kind == "random") new Random(1).NextBytes(bytes);
        else RequireFFmpeg();
        string path = _folder.Write("bad.mp4", bytes);
        RequireFFmpeg();
        Assert.Contains(path, Assert.Throws<InvalidDataException>(() => FFmpeg.Probe(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Frames_that_do_not_come_are_counted()
    {
        string path = Video("v.mp4", frames: 5);
        using ClipBuffer clip = new();
        InvalidDataException error = Assert.Throws<InvalidDataException>(() => FFmpeg.Decode(path, FFmpeg.Probe(path) with { Frames = 9 }, [2, 8], clip));
        Assert.Contains("1 of 2 frames could be decoded", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Frames_that_an_edit_list_hides_are_not_counted()
    {
        RequireFFmpeg();
        string path = Inputs.At("edit-list", "cut.mp4");      // 25 packets
        VideoInfo info = FFmpeg.Probe(path);
        Assert.Equal(20, info.Frames);
        using ClipBuffer clip = new();
        FFmpeg.Decode(path, info, [0, 19], clip);
        Assert.Null(info.Damage);
        Assert.Equal(59, clip[0].Pixels[0]);
        Assert.InRange(clip[1].Pixels[0], 125, 126);      // 126 in gray; by way of RGB 125
        int came = 0;
        FFmpeg.DecodeAll(path, info, 1, 256, _ => came++);
        Assert.Equal(20, came);
    }

    [Fact]
    public void Real_clips_have_the_frames_that_their_list_says()
    {
        RequireFFmpeg();
        string folder = SharedData.Require("video/samples");
        string[] rows = File.ReadAllLines(Path.Combine(folder, "manifest.csv"));
        foreach (string[] row in rows.Skip(1).Select(line => line.Split(',')))
        {
            string path = Path.Combine(folder, row[0]);
            VideoInfo info = FFmpeg.Probe(path);
            (int width, int height) = (int.Parse(row[3], System.Globalization.CultureInfo.InvariantCulture), int.Parse(row[4], System.Globalization.CultureInfo.InvariantCulture));
            Assert.Equal((width, height, row[9] is "-90" or "90"), (info.Width, info.Height, info.Orientation >= Orientation.Transposed));
            int decoded = int.Parse(row[7], System.Globalization.CultureInfo.InvariantCulture);
            Assert.Equal(decoded, info.Frames);
            using ClipBuffer clip = new();
            FFmpeg.Decode(path, info, [0, decoded - 1], clip);
            Assert.True(clip[0].Width > 0);
        }
    }

    private static double Mean(ImageBuffer image)
    {
        double sum = 0;
        foreach (byte value in image.Pixels) sum += value;
        return sum / image.Pixels.Length;
    }

    /// <summary>A video of grey frames, each 20 brighter than the one before.</summary>
    private string Video(string name, int frames) => Video(_folder, name, frames);

    /// <summary>A video of 32 x 24 pixels, each frame 20 brighter than the one before.</summary>
    internal static string Video(TempFolder folder, string name, int frames)
    {
        RequireFFmpeg();
        return folder.Write(name, Made.GetOrAdd((frames, Path.GetExtension(name)), _ => Encode(frames, Path.GetExtension(name))));
    }

    private static byte[] Encode(int frames, string ending)
    {
        using TempFolder folder = new();
        for (int i = 0; i < frames; i++) folder.WritePng($"{i:000}.png", (byte)(20 * i), 32, 24);
        string path = folder[$"made{ending}"];
        FFmpeg.Run("ffmpeg", ["-v", "error", "-y", "-framerate", "10", "-i", folder["%03d.png"], "-pix_fmt", "yuv420p", path], output => output.CopyTo(Stream.Null), path);
        return File.ReadAllBytes(path);
    }

    internal static void RequireFFmpeg() => Assert.SkipWhen(Missing.Value is not null, Missing.Value ?? "");

    private static string? WhyNot()
    {
        try
        {
            FFmpeg.Run("ffprobe", ["-version"], output => output.CopyTo(Stream.Null), "");
            return null;
        }
        catch (NotSupportedException missing)
        {
            return missing.Message;
        }
    }
}
