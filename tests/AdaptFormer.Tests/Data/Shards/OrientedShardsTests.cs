using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Images;
using AdaptFormer.Data.Shards;
using Xunit;

namespace AdaptFormer.Tests.Data;

public sealed class OrientedShardsTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(PackFormat.Raw, 16)]
    [InlineData(PackFormat.Raw, 64)]
    [InlineData(PackFormat.Jpeg, 16)]
    [InlineData(PackFormat.Jpeg, 64)]
    public void A_cache_of_pictures_keeps_how_each_is_shown(PackFormat format, int shortSide)
    {
        using ImageBuffer picture = OrientedFile.Picture(48, 30), image = new();
        Orientation[] all = Enum.GetValues<Orientation>();
        UnlabelledDataset files = UnlabelledDataset.Of(
            [.. all.Select(o => _folder.Write($"{(int)o}.png", OrientedFile.Png(picture, OrientedFile.Exif((int)o))))]);
        using CachedDataset cache = ItemCache.Build(files, _folder["cache"], new PackOptions(shortSide, format));
        for (int i = 0; i < all.Length; i++)
        {
            cache.Load(i, image);
            Assert.Equal((all[i], Math.Min(shortSide, 30)), (image.Orientation, image.Height));
        }
    }

    [Theory]
    [InlineData(PackFormat.Raw, 16)]
    [InlineData(PackFormat.Raw, 64)]
    [InlineData(PackFormat.Jpeg, 16)]
    [InlineData(PackFormat.Jpeg, 64)]
    public void A_cache_of_clips_keeps_it_too(PackFormat format, int shortSide)
    {
        using ImageBuffer picture = OrientedFile.Picture(48, 30);
        for (int t = 0; t < 3; t++) _folder.Write($"clip/{t}.png", OrientedFile.Png(picture, OrientedFile.Exif(6)));
        UnlabelledDataset clips = UnlabelledDataset.Of([_folder["clip"]], clips: true);
        using CachedDataset cache = ItemCache.Build(clips, _folder["cache"], new PackOptions(shortSide, format));
        using ClipBuffer frames = new();
        cache.Load(0, [0, 2], frames);
        Assert.Equal((Orientation.QuarterRight, Orientation.QuarterRight), (frames[0].Orientation, frames[1].Orientation));
    }
}
