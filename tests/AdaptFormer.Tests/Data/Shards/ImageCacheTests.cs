using AdaptFormer.Data;
using AdaptFormer.Tensors;
using Xunit;

namespace AdaptFormer.Tests.Data;

public sealed class ImageCacheTests
{
    [Fact]
    public void Raw_pictures_are_the_resized_ones_to_the_last_bit()
    {
        using TempFolder folder = Pictures();
        ImageDataset data = DatasetSource.Open("folder:" + folder["pictures"]);
        using (CachedDataset built = ImageCache.Build(data, folder["cache"], new ImageCacheOptions(16, ImageCacheFormat.Raw))) Assert.Equal(2, built.Count);
        using CachedDataset cache = ImageCache.Open(data, folder["cache"]);
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

    [Fact]
    public void Jpeg_pictures_are_near_the_resized_ones()
    {
        using TempFolder folder = Pictures();
        ImageDataset data = DatasetSource.Open("folder:" + folder["pictures"]);
        using CachedDataset raw = ImageCache.Build(data, folder["raw"], new ImageCacheOptions(32, ImageCacheFormat.Raw));
        using CachedDataset jpeg = ImageCache.Build(data, folder["jpeg"], new ImageCacheOptions(32, Quality: 95));
        using ImageBuffer a = new(), b = new();
        raw.Load(0, a);
        jpeg.Load(0, b);
        Assert.Equal((a.Width, a.Height), (b.Width, b.Height));
        double difference = a.Pixels.ToArray().Zip(b.Pixels.ToArray(), (x, y) => Math.Abs(x - y)).Average();
        Assert.InRange(difference, 0, 4);
    }

    [Theory]
    [InlineData(ImageCacheFormat.Raw)]
    [InlineData(ImageCacheFormat.Jpeg)]
    public void A_training_sample_of_packed_pictures_takes_no_new_memory(ImageCacheFormat format)
    {
        Assert.SkipUnless(format == ImageCacheFormat.Raw || NativeImageLibraries.HasTurboJpeg, "libturbojpeg is not installed; SkiaSharp makes objects of its own.");
        using TempFolder folder = Pictures();
        using CachedDataset cache = ImageCache.Build(DatasetSource.Open("folder:" + folder["pictures"]), folder["cache"], new ImageCacheOptions(32, format));
        PictureSamples samples = new(cache, ImageTransform.ForTraining(new TransformOptions(16)));
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
        ImageDataset data = DatasetSource.Open("folder:" + folder["pictures"]);
        using CachedDataset cache = ImageCache.Build(data, folder["cache"], new ImageCacheOptions(16, ImageCacheFormat.Raw));
        Assert.Equal([2], cache.Unreadable);
        using ImageBuffer image = new();
        Assert.Contains(torn, Assert.Throws<InvalidDataException>(() => cache.Load(2, image)).Message);
    }

    [Fact]
    public void A_cache_of_other_pictures_is_refused()
    {
        using TempFolder folder = Pictures();
        ImageDataset before = DatasetSource.Open("folder:" + folder["pictures"]);
        ImageCache.Build(before, folder["cache"], new ImageCacheOptions(16, ImageCacheFormat.Raw)).Dispose();
        File.Move(folder["pictures/b/2.png"], folder["pictures/b/3.png"]);
        Assert.Contains("other data", Assert.Throws<InvalidDataException>(() => ImageCache.Open(DatasetSource.Open("folder:" + folder["pictures"]), folder["cache"])).Message);
        Assert.Throws<DirectoryNotFoundException>(() => ImageCache.Open(before, folder["none"]));
        Assert.Throws<ArgumentOutOfRangeException>(() => ImageCache.Build(before, folder["x"], new ImageCacheOptions(Quality: 0)));
    }

    [Fact]
    public void Options_survive_as_a_number()
    {
        foreach (ImageCacheOptions options in new ImageCacheOptions[] { new(), new(4096, ImageCacheFormat.Raw, 100), new(16, ImageCacheFormat.Jpeg, 1) })
            Assert.Equal(options, ImageCacheOptions.FromTag(options.Tag));
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
