using AdaptFormer.Data.Images;
using AdaptFormer.Data.Transforms;
using AdaptFormer.Tensors;
using Xunit;

namespace AdaptFormer.Tests.Data;

public sealed class ImageResizerTests
{
    [Theory]
    [InlineData(Interpolation.Bilinear)]
    [InlineData(Interpolation.Bicubic)]
    [InlineData(Interpolation.Lanczos)]
    [InlineData(Interpolation.Box)]
    public void A_window_equals_that_part_of_the_whole(Interpolation filter)
    {
        Rng rng = new(4);
        using ImageResizer resizer = new();
        using ImageBuffer whole = new(), part = new();
        for (int i = 0; i < 40; i++)
        {
            using ImageBuffer image = ImageDecoderTests.Noise(1 + rng.NextInt(90), 1 + rng.NextInt(90), i);
            PixelBox crop = Box(rng, image.Width, image.Height);
            (int width, int height) = (1 + rng.NextInt(70), 1 + rng.NextInt(70));
            PixelBox window = Box(rng, width, height);
            resizer.Resize(image, crop, width, height, filter, whole);
            resizer.Resize(image, crop, width, height, filter, window, part);
            for (int y = 0; y < window.Height; y++)
                Assert.True(whole.Row(window.Top + y).Slice(window.Left * 3, window.Width * 3).SequenceEqual(part.Row(y)), $"{image.Width}x{image.Height} {crop} → {width}x{height} {window}, row {y}");
        }
    }

    [Theory]
    [InlineData(Interpolation.Bilinear)]
    [InlineData(Interpolation.Bicubic)]
    [InlineData(Interpolation.Lanczos)]
    [InlineData(Interpolation.Box)]
    public void A_plain_picture_stays_plain_and_an_unchanged_size_changes_nothing(Interpolation filter)
    {
        using ImageResizer resizer = new();
        using ImageBuffer image = ImageDecoderTests.Noise(33, 21), result = new();
        resizer.Resize(image, PixelBox.Of(image), 33, 21, filter, result);
        Assert.True(image.Pixels.SequenceEqual(result.Pixels));

        image.Pixels.Fill(137);
        foreach ((int w, int h) in new[] { (5, 7), (100, 90), (33, 4), (1, 21) })
        {
            resizer.Resize(image, PixelBox.Of(image), w, h, filter, result);
            Assert.True(result.Pixels.IndexOfAnyExcept((byte)137) < 0, $"{w}x{h}");
        }
    }

    [Fact]
    public void Pixels_outside_the_crop_have_no_influence()
    {
        using ImageResizer resizer = new();
        using ImageBuffer image = ImageDecoderTests.Noise(40, 40), first = new(), second = new();
        PixelBox crop = new(10, 12, 17, 9);
        resizer.Resize(image, crop, 24, 24, Interpolation.Lanczos, first);
        for (int y = 0; y < 40; y++)
        {
            for (int x = 0; x < 40; x++)
            {
                if (x < 10 || x >= 27 || y < 12 || y >= 21) image.Row(y).Slice(x * 3, 3).Fill(255);
            }
        }

        resizer.Resize(image, crop, 24, 24, Interpolation.Lanczos, second);
        Assert.True(first.Pixels.SequenceEqual(second.Pixels));
    }

    [Fact]
    public void Rectangles_that_do_not_fit_are_refused()
    {
        using ImageResizer resizer = new();
        using ImageBuffer image = ImageDecoderTests.Noise(8, 8), result = new();
        Assert.Throws<ArgumentException>(() => resizer.Resize(image, new PixelBox(1, 0, 8, 8), 4, 4, Interpolation.Box, result));
        Assert.Throws<ArgumentException>(() => resizer.Resize(image, new PixelBox(0, 0, 8, 8), 4, 4, Interpolation.Box, new PixelBox(0, 0, 5, 4), result));
        Assert.Throws<ArgumentException>(() => resizer.Resize(image, new PixelBox(0, 0, 8, 8), 4, 4, Interpolation.Box, image));
    }

    private static PixelBox Box(Rng rng, int width, int height)
    {
        (int w, int h) = (1 + rng.NextInt(width), 1 + rng.NextInt(height));
        return new PixelBox(rng.NextInt(width - w + 1), rng.NextInt(height - h + 1), w, h);
    }
}
