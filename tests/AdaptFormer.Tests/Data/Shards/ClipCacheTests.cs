using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Images;
using AdaptFormer.Data.Loading;
using AdaptFormer.Data.Shards;
using AdaptFormer.Data.Synthetic;
using AdaptFormer.Data.Transforms;
using AdaptFormer.Data.Video;
using AdaptFormer.Tensors;
using Xunit;

namespace AdaptFormer.Tests.Data;

public sealed class ClipCacheTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_frame_that_was_replaced_is_not_read_from_an_old_cache()
    {
        FrameFolderDataset clips = Clips(("a", 3), ("b", 3));
        ItemCache.Build(clips, _folder["cache"], new PackOptions()).Dispose();
        ItemCache.Open(clips, _folder["cache"]).Dispose();
        File.SetLastWriteTimeUtc(clips.FrameFile(1, 1), DateTime.UtcNow.AddSeconds(5));
        Assert.Contains("some were changed", Assert.Throws<InvalidDataException>(() => ItemCache.Open(clips, _folder["cache"])).Message);
    }

    [Fact]
    public void Frames_come_back_by_number_near_those_of_the_files()
    {
        FrameFolderDataset clips = Clips(("a", 5), ("b", 3));
        using (CachedDataset built = ItemCache.Build(clips, _folder["cache"], new PackOptions(Quality: 98))) Assert.Empty(built.Unreadable);
        using CachedDataset cache = ItemCache.Open(clips, _folder["cache"]);
        Assert.Equal((5, 3), (cache.FrameCount(0), cache.FrameCount(1)));
        Assert.Equal((clips.Label(1), clips.Source(1)), (cache.Label(1), cache.Source(1)));
        using ClipBuffer expected = new(), actual = new();
        foreach (int[] frames in new int[][] { [0, 1, 2, 3, 4], [4], [1, 1, 3] })
        {
            clips.Load(0, frames, expected);
            cache.Load(0, frames, actual);
            for (int t = 0; t < frames.Length; t++) Assert.InRange(Difference(expected[t], actual[t]), 0, 3);
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => cache.Load(1, [3], actual));
    }

    [Fact]
    public void A_frame_that_is_a_small_jpeg_stays_as_it_is()
    {
        FrameFolderDataset clips = Clips(("a", 4));
        using CachedDataset first = ItemCache.Build(clips, _folder["png"], new PackOptions());
        using ClipBuffer buffer = new(), again = new();

        // The frames of the first cache as files: packing them must lose nothing.
        using ShardSet shards = ShardSet.Open(_folder["png"], ItemCache.Key(clips, new PackOptions()), 1);
        using (ShardRecord record = shards.Read(0))
        {
            Assert.True(ClipRecord.TryRead(record.Bytes[..ClipRecord.TableBytes(4)], record.Bytes.Length, out ClipRecord table));
            for (int t = 0; t < 4; t++) _folder.Write($"jpeg/{t}.jpg", record.Bytes.Slice(table.Offset(t), table.Length(t)).ToArray());
        }

        FrameFolderDataset files = new("jpeg", [new(_folder["jpeg"], 0)], ["x"]);
        using CachedDataset cache = ItemCache.Build(files, _folder["cache"], new PackOptions(Quality: 10));
        files.Load(0, [0, 1, 2, 3], buffer);
        cache.Load(0, [0, 1, 2, 3], again);
        for (int t = 0; t < 4; t++) Assert.Equal(buffer[t].Pixels.ToArray(), again[t].Pixels.ToArray());
    }

    [Fact]
    public void Every_nth_frame_is_kept_and_stands_for_those_after_it()
    {
        FrameFolderDataset clips = Clips(("a", 8));
        using CachedDataset all = ItemCache.Build(clips, _folder["all"], new PackOptions());
        using CachedDataset some = ItemCache.Build(clips, _folder["some"], new PackOptions(Every: 3));
        Assert.Equal(8, some.FrameCount(0));
        Assert.True(some.Bytes < all.Bytes);
        using ClipBuffer expected = new(), actual = new();
        all.Load(0, [0, 0, 3, 6, 6], expected);
        some.Load(0, [0, 2, 5, 6, 7], actual);
        for (int t = 0; t < 5; t++) Assert.Equal(expected[t].Pixels.ToArray(), actual[t].Pixels.ToArray());
    }

    [Fact]
    public void Large_frames_are_reduced_and_options_survive_as_a_number()
    {
        using CachedDataset cache = ItemCache.Build(Clips(("a", 2)), _folder["cache"], new PackOptions(ShortSide: 16));
        using ClipBuffer buffer = new();
        cache.Load(0, [1], buffer);
        Assert.Equal((20, 16), (buffer[0].Width, buffer[0].Height));      // 40 x 32
        foreach (PackOptions options in new PackOptions[] { new(), new(4096, PackFormat.Raw, 100, 255, true), new(16, Quality: 1) }) Assert.Equal(options, PackOptions.FromTag(options.Tag));
        Assert.Throws<ArgumentOutOfRangeException>(() => ItemCache.Build(Clips(("a", 2)), _folder["x"], new PackOptions(Every: 0)));
    }

    [Fact]
    public void A_clip_that_cannot_be_read_stays_an_error_and_other_clips_are_refused()
    {
        FrameFolderDataset clips = Clips(("a", 3), ("b", 3));
        string torn = _folder.Write("b/1.png", "no picture");
        using CachedDataset cache = ItemCache.Build(clips, _folder["cache"], new PackOptions());
        Assert.Equal([1], cache.Unreadable);
        Assert.Equal(3, cache.FrameCount(0));
        Assert.Contains(torn, Assert.Throws<InvalidDataException>(() => cache.FrameCount(1)).Message, StringComparison.Ordinal);
        Assert.Contains("other data", Assert.Throws<InvalidDataException>(() => ItemCache.Open(Clips(("b", 3), ("a", 3)), _folder["cache"])).Message, StringComparison.Ordinal);
        Assert.Contains("other data", Assert.Throws<InvalidDataException>(() => ItemCache.Open(new SyntheticScenes(2, 0, 32), _folder["cache"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Damage_of_a_frame_or_of_the_table_is_noticed_and_named()
    {
        FrameFolderDataset clips = Clips(("a", 3));
        ItemCache.Build(clips, _folder["cache"], new PackOptions()).Dispose();
        string path = Directory.GetFiles(_folder["cache"]).Single();
        byte[] good = File.ReadAllBytes(path);
        using ClipBuffer buffer = new();
        int record = 64 + 16, table = ClipRecord.TableBytes(3);
        for (int at = record; at < good.Length; at += at < record + table ? 1 : 41)
        {
            byte[] bad = [.. good];
            bad[at] ^= 0x40;
            File.WriteAllBytes(path, bad);
            using CachedDataset cache = ItemCache.Open(clips, _folder["cache"]);
            string message = Assert.Throws<InvalidDataException>(() => cache.Load(0, [0, 1, 2], buffer)).Message;
            Assert.Contains(path, message, StringComparison.Ordinal);
            Assert.Contains("record 0 is damaged", message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Videos_are_packed_frame_by_frame_as_a_single_decoding_gives_them()
    {
        Assert.SkipUnless(HasFFmpeg(), "ffmpeg is not installed.");
        for (int i = 0; i < 10; i++) _folder.WritePng($"frames/{i:00}.png", (byte)(20 * i), 32, 24);
        FFmpeg.Run("ffmpeg", ["-v", "error", "-framerate", "10", "-i", _folder["frames/%02d.png"], "-pix_fmt", "yuv420p", "-y", _folder["v.mp4"]], output => output.CopyTo(Stream.Null), "test");
        VideoFileDataset video = new("v", [_folder["v.mp4"]], [0], ["x"]);
        using CachedDataset cache = ItemCache.Build(video, _folder["cache"], new PackOptions(Quality: 98, Every: 2));
        Assert.Equal(10, cache.FrameCount(0));
        using ClipBuffer expected = new(), actual = new();
        video.Load(0, [0, 4, 8], expected);
        cache.Load(0, [1, 4, 9], actual);
        for (int t = 0; t < 3; t++) Assert.InRange(Difference(expected[t], actual[t]), 0, 3);
    }

    [Fact]
    public void A_training_sample_of_packed_frames_takes_no_new_memory()
    {
        Assert.SkipUnless(NativeImageLibraries.HasTurboJpeg, "libturbojpeg is not installed; SkiaSharp makes objects of its own.");
        FrameFolderDataset clips = Clips(("a", 9), ("b", 12));
        using CachedDataset cache = ItemCache.Build(clips, _folder["cache"], new PackOptions());
        ItemSamples samples = new(cache, ImageTransform.ForTraining(new TransformOptions(16, TrainCrop.MultiScale, EvalResize: 16, Clip: new ClipOptions(8))));
        using IDisposable scratch = samples.CreateScratch();
        float[] sample = new float[samples.Length];
        (Rng root, Rng rng) = (new(1), new(0));
        Epochs(6);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Epochs(3);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Epochs(int count)
        {
            for (int i = 0; i < count * 2; i++)
            {
                root.DeriveInto(rng, i % 4, i % 2);
                samples.Make(i % 2, rng, sample, scratch);
            }
        }
    }

    private static bool HasFFmpeg()
    {
        try
        {
            FFmpeg.Run("ffmpeg", ["-version"], output => output.CopyTo(Stream.Null), "test");
            return true;
        }
        catch (NotSupportedException)
        {
            return false;
        }
    }

    private static double Difference(ImageBuffer a, ImageBuffer b)
    {
        Assert.Equal((a.Width, a.Height), (b.Width, b.Height));
        return a.Pixels.ToArray().Zip(b.Pixels.ToArray(), (x, y) => Math.Abs(x - y)).Average();
    }

    /// <summary>Folders of smooth frames of 40 x 32 pixels that differ from one to the next.</summary>
    private FrameFolderDataset Clips(params (string Name, int Frames)[] clips)
    {
        using ImageBuffer image = new(40, 32);
        foreach ((string name, int frames) in clips)
        {
            Directory.CreateDirectory(_folder[name]);
            for (int t = 0; t < frames; t++)
            {
                for (int i = 0; i < image.Pixels.Length; i++) image.Pixels[i] = (byte)((2 * (i / 120)) + (i % 120 / 3) + (25 * t) + name[0] - 'a');
                if (!File.Exists(_folder[$"{name}/{t}.png"])) PngWriter.Save(_folder[$"{name}/{t}.png"], image);
            }
        }

        return new FrameFolderDataset("clips", [.. clips.Select((clip, i) => new FrameFolderDataset.Clip(_folder[clip.Name], i % 2))], ["x", "y"]);
    }
}
