using AdaptFormer.Data;
using Xunit;

namespace AdaptFormer.Tests.Data;

public sealed class OrientedShardsTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(ImageCacheFormat.Raw, 16)]
    [InlineData(ImageCacheFormat.Raw, 64)]
    [InlineData(ImageCacheFormat.Jpeg, 16)]
    [InlineData(ImageCacheFormat.Jpeg, 64)]
    public void A_cache_of_pictures_keeps_how_each_is_shown(ImageCacheFormat format, int shortSide)
    {
        using ImageBuffer picture = OrientedFile.Picture(48, 30), image = new();
        Orientation[] all = Enum.GetValues<Orientation>();
        FileListDataset files = new([.. all.Select(o => _folder.Write($"{(int)o}.png", OrientedFile.Png(picture, OrientedFile.Exif((int)o))))]);
        using CachedDataset cache = ImageCache.Build(files, _folder["cache"], new ImageCacheOptions(shortSide, format));
        for (int i = 0; i < all.Length; i++)
        {
            cache.Load(i, image);
            Assert.Equal((all[i], Math.Min(shortSide, 30)), (image.Orientation, image.Height));
        }
    }

    [Theory]
    [InlineData(16)]
    [InlineData(64)]
    public void A_cache_of_clips_keeps_it_too(int shortSide)
    {
        using ImageBuffer picture = OrientedFile.Picture(48, 30);
        for (int t = 0; t < 3; t++) _folder.Write($"clip/{t}.png", OrientedFile.Png(picture, OrientedFile.Exif(6)));
        using CachedClipDataset cache = ClipCache.Build(new UnlabelledClips([_folder["clip"]]), _folder["cache"], new ClipCacheOptions(shortSide));
        using ClipBuffer frames = new();
        cache.Load(0, [0, 2], frames);
        Assert.Equal((Orientation.QuarterRight, Orientation.QuarterRight), (frames[0].Orientation, frames[1].Orientation));
    }
}
