using AdaptFormer.Data.Images;
using AdaptFormer.Data.Transforms;
using AdaptFormer.Tensors;
using Xunit;

namespace AdaptFormer.Tests.Data;

public sealed class RandomResizedCropTests
{
    [Theory]
    [InlineData(false, 500, 375)]
    [InlineData(true, 500, 375)]
    [InlineData(false, 1, 1)]
    [InlineData(true, 3, 900)]
    public void Every_crop_lies_within_the_picture(bool retry, int width, int height)
    {
        RandomResizedCrop crop = new(Retry: retry);
        Rng rng = new(2);
        HashSet<PixelBox> seen = [];
        for (int i = 0; i < 500; i++)
        {
            PixelBox box = crop.Sample(width, height, rng);
            Assert.True(box.FitsIn(width, height), $"{box}");
            seen.Add(box);
        }

        Assert.True(width * height < 4000 || seen.Count > 400);
    }

    [Fact]
    public void Without_retry_the_mean_area_is_that_of_the_uniform_draw()
    {
        RandomResizedCrop crop = new(MinArea: 0.08, MaxArea: 0.5);
        Rng rng = new(3);
        double mean = Enumerable.Range(0, 4000).Average(_ => crop.Sample(300, 300, rng) is var b ? b.Width * b.Height / 90000.0 : 0);
        Assert.InRange(mean, 0.28, 0.30);
    }

    [Theory]
    [InlineData(1000, 10, 493, 0, 13, 10)]       // too wide: the height, and 4/3 of it
    [InlineData(10, 1000, 0, 493, 10, 13)]       // too high: the width, and 4/3 of it
    public void A_picture_too_long_for_any_draw_gets_torchvisions_central_crop(int width, int height, int left, int top, int w, int h)
    {
        PixelBox box = new RandomResizedCrop(MinArea: 0.9, Retry: true).Sample(width, height, new Rng(1));
        Assert.Equal(new PixelBox(left, top, w, h), box);
    }
}
