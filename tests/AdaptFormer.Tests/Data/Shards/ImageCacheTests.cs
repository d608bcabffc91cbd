using AdaptFormer.Data;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Images;
using AdaptFormer.Data.Loading;
using AdaptFormer.Data.Shards;
using AdaptFormer.Data.Transforms;
using AdaptFormer.Tensors;
using Xunit;

namespace AdaptFormer.Tests.Data;

public sealed class ImageCacheTests
{
    [Fact]
    public void Progress_is_told_for_every_item()
    {
        using TempFolder folder = Pictures();
        LabelledDataset data = DatasetSource.Open("folder:" + folder["pictures"]);
        List<(int Done, int Of)> told = [];
        for (int round = 0; round < 2; round++)
        {
            ItemCache.Build(data, folder["cache"], new PackOptions(16), progress: (done, of) =>
            {
                lock (told) told.Add((done, of));
            }).Dispose();
        }

        Assert.Equal([(0, 2), (1, 2), (2, 2), (2, 2)], told);      // the second time all of them are there
    }

    [Fact]
    public void Raw_pictures_are_the_resized_ones_to_the_last_bit()
    {
        using TempFolder folder = Pictures();
        LabelledDataset data = DatasetSource.Open("folder:" + folder["pictures"]);
        using (CachedDataset built = ItemCache.Build(data, folder["cache"], new PackOptions(16, PackFormat.Raw))) Assert.Equal(2, built.Count);
        using CachedDataset cache = ItemCache.Open(data, folder["cache"]);
        using ImageBuffer full = new(), expected = new(), actual = new();
        using ImageResizer resizer = new();
        data.Load(0, full);
        resizer.Resize(full, PixelBox.Of(full), 20, 16, Interpolation.Bicubic, expected);      // 50 x 40
        cache.Load(0, actual);
        Assert.Equal((20, 16), (actual.Width, actual.Height));
        Assert.Equal(expected.Pixels.ToArray(), actual.Pixels.ToArray());
        data.Load(1, full);
        cache.Load(1, actual);      // 5 x 4 keeps its size
        Assert.Equal(full.Pixels.ToArray(), actual.Pixels.ToArray());
        Assert.Equal((data.Label(1), data.Source(1)), (cache.Label(1), cache.Source(1)));
        Assert.Equal(folder[Path.Combine("cache", "shard-00000.bin")], cache.FileOf(1));      // what is kept of these pixels must not be taken for that of the pictures
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Pictures_that_were_replaced_are_not_read_from_an_old_cache(bool byContent)
    {
        using TempFolder folder = Pictures();
        PackOptions options = new(16, PackFormat.Raw, ByContent: byContent);
        ItemCache.Build(DatasetSource.Open("folder:" + folder["pictures"]), folder["cache"], options).Dispose();
        string file = DatasetSource.Open("folder:" + folder["pictures"]).FileOf(0);
        DateTime time = File.GetLastWriteTimeUtc(file);
        folder.WritePng(Path.GetRelativePath(folder.Path, file), 99, 50, 40);
        if (byContent) File.SetLastWriteTimeUtc(file, time);
        LabelledDataset changed = DatasetSource.Open("folder:" + folder["pictures"]);
        Assert.Contains($"--output {folder["cache"]} again", Assert.Throws<InvalidDataException>(() => ItemCache.Open(changed, folder["cache"])).Message);
        using CachedDataset anew = ItemCache.Build(changed, folder["cache"], options);
        using ImageBuffer picture = new();
        anew.Load(0, picture);
        Assert.Equal(99, picture.Pixels[0]);
    }

    [Fact]
    public void A_cache_by_content_survives_a_copy_and_one_by_time_does_not()
    {
        using TempFolder folder = Pictures();
        LabelledDataset data = DatasetSource.Open("folder:" + folder["pictures"]);
        foreach (bool byContent in new[] { true, false })
            ItemCache.Build(data, folder[$"cache{byContent}"], new PackOptions(16, PackFormat.Raw, ByContent: byContent)).Dispose();
        File.SetLastWriteTimeUtc(data.FileOf(0), new DateTime(2001, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        ItemCache.Open(data, folder["cacheTrue"]).Dispose();
        Assert.Throws<InvalidDataException>(() => ItemCache.Open(data, folder["cacheFalse"]));
    }

    [Theory]
    [InlineData(4, 4)]
    [InlineData(2, 1)]
    [InlineData(-1, -2)]
    [InlineData(0, 0)]
    public void A_raw_record_with_wrong_sides_is_damaged(int width, int height)
    {
        using TempFolder folder = Pictures();
        LabelledDataset data = DatasetSource.Open("folder:" + folder["pictures"]);
        PackOptions options = new(16, PackFormat.Raw);
        new ShardBuilder(folder["cache"], ItemCache.Key(data, options), data.Count, options.Tag).Build(() => ((_, into) =>
        {
            byte[] frame = [.. BitConverter.GetBytes(width), .. BitConverter.GetBytes(height | ((int)Orientation.Normal << ClipRecord.OrientationShift)), .. new byte[12]];
            ClipRecord.Write(into, 1, [frame.Length], frame);
            return ItemCache.Pixels;
        }, new MemoryStream()));
        using CachedDataset cache = ItemCache.Open(data, folder["cache"]);
        using ImageBuffer picture = new();
        Assert.Contains("record 0 is damaged", Assert.Throws<InvalidDataException>(() => cache.Load(0, picture)).Message);
    }

    [Fact]
    public void Jpeg_pictures_are_near_the_resized_ones()
    {
        using TempFolder folder = Pictures();
        LabelledDataset data = DatasetSource.Open("folder:" + folder["pictures"]);
        using CachedDataset raw = ItemCache.Build(data, folder["raw"], new PackOptions(32, PackFormat.Raw));
        using CachedDataset jpeg = ItemCache.Build(data, folder["jpeg"], new PackOptions(32, Quality: 95));
        using ImageBuffer a = new(), b = new();
        raw.Load(0, a);
        jpeg.Load(0, b);
        Assert.Equal((a.Width, a.Height), (b.Width, b.Height));
        double difference = a.Pixels.ToArray().Zip(b.Pixels.ToArray(), (x, y) => Math.Abs(x - y)).Average();
        Assert.InRange(difference, 0, 4);
    }

    [Theory]
    [InlineData(PackFormat.Raw)]
    [InlineData(PackFormat.Jpeg)]
    public void A_training_sample_of_packed_pictures_takes_no_new_memory(PackFormat format)
    {
        Assert.SkipUnless(format == PackFormat.Raw || NativeImageLibraries.HasTurboJpeg, "libturbojpeg is not installed; SkiaSharp makes objects of its own.");
        using TempFolder folder = Pictures();
        using CachedDataset cache = ItemCache.Build(DatasetSource.Open("folder:" + folder["pictures"]), folder["cache"], new PackOptions(32, format));
        ItemSamples samples = new(cache, ImageTransform.ForTraining(new TransformOptions(16)));
        using IDisposable scratch = samples.CreateScratch();
        float[] sample = new float[samples.Length];
        (Rng root, Rng rng) = (new(1), new(0));
        Make(8);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Make(8);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Make(int count)
        {
            for (int i = 0; i < count; i++)
            {
                root.DeriveInto(rng, i, i % 2);
                samples.Make(i % 2, rng, sample, scratch);
            }
        }
    }

    [Fact]
    public void A_picture_that_cannot_be_read_stays_an_error()
    {
        using TempFolder folder = Pictures();
        string torn = folder.Write("pictures/b/torn.png", "not a picture");
        LabelledDataset data = DatasetSource.Open("folder:" + folder["pictures"]);
        using CachedDataset cache = ItemCache.Build(data, folder["cache"], new PackOptions(16, PackFormat.Raw));
        Assert.Equal([2], cache.Unreadable);
        using ImageBuffer image = new();
        Assert.Contains(torn, Assert.Throws<InvalidDataException>(() => cache.Load(2, image)).Message);
    }

    [Fact]
    public void A_cache_of_other_pictures_is_refused()
    {
        using TempFolder folder = Pictures();
        LabelledDataset before = DatasetSource.Open("folder:" + folder["pictures"]);
        ItemCache.Build(before, folder["cache"], new PackOptions(16, PackFormat.Raw)).Dispose();
        File.Move(folder["pictures/b/2.png"], folder["pictures/b/3.png"]);
        Assert.Contains("other data", Assert.Throws<InvalidDataException>(() => ItemCache.Open(DatasetSource.Open("folder:" + folder["pictures"]), folder["cache"])).Message);
        Assert.Throws<DirectoryNotFoundException>(() => ItemCache.Open(before, folder["none"]));
        Assert.Throws<ArgumentOutOfRangeException>(() => ItemCache.Build(before, folder["x"], new PackOptions(Quality: 0)));
    }

    [Fact]
    public void Options_survive_as_a_number()
    {
        foreach (PackOptions options in new PackOptions[] { new(), new(4096, PackFormat.Raw, 100), new(16, PackFormat.Jpeg, 1) })
            Assert.Equal(options, PackOptions.FromTag(options.Tag));
    }

    private static TempFolder Pictures()
    {
        TempFolder folder = new();
        using ImageBuffer image = new(50, 40);
        for (int i = 0; i < image.Pixels.Length; i++) image.Pixels[i] = (byte)((i / 150 * 4) + (i % 150));
        Directory.CreateDirectory(folder["pictures/a"]);
        PngWriter.Save(folder["pictures/a/1.png"], image);
        folder.WritePng("pictures/b/2.png", 9);
        return folder;
    }
}
