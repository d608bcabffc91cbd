using AdaptFormer.Data.Images;
using Xunit;

namespace AdaptFormer.Tests.Data;

/// <summary>Files that other programs wrote, in every format, beside the pixels that they hold.</summary>
public sealed class PictureFormatsTests
{
    [Theory]
    [InlineData("strip-none.tif", "rgb.ppm")]
    [InlineData("big-endian.tif", "rgb.ppm")]
    [InlineData("lzw.tif", "rgb.ppm")]
    [InlineData("zip.tif", "rgb.ppm")]
    [InlineData("packbits.tif", "rgb.ppm")]
    [InlineData("tiled.tif", "rgb.ppm")]
    [InlineData("planes.tif", "rgb.ppm")]
    [InlineData("rgb16.tif", "rgb.ppm")]
    [InlineData("alpha.tif", "rgb.ppm")]
    [InlineData("cmyk.tif", "rgb.ppm")]
    [InlineData("gray.tif", "gray.pgm")]
    [InlineData("gray16.tif", "gray.pgm")]
    [InlineData("gray-inverted.tif", "gray-negative.pgm")]
    [InlineData("palette.tif", "palette.ppm")]
    [InlineData("group4.tif", "bilevel.tif")]
    [InlineData("scan.tif", "scan.ppm")]
    [InlineData("palette.gif", "palette.ppm")]
    [InlineData("interlaced.gif", "palette.ppm")]
    [InlineData("gray.gif", "gray-of-gif.pgm")]
    [InlineData("anim.gif", "anim.ppm")]
    [InlineData("really_a_gif.jpg", "anim.ppm")]
    [InlineData("rle.bmp", "palette.ppm")]
    [InlineData("rgb.ico", "rgb.ppm")]
    [InlineData("lossless.webp", "rgb.ppm")]
    public void Files_without_loss_hold_the_pixels_that_went_in(string file, string pixels)
    {
        using ImageBuffer image = ImageDecoder.Decode(PictureFile.Fixture(file)), expected = ImageDecoder.Decode(PictureFile.Fixture(pixels));
        ImageInfo info = ImageDecoder.Identify(PictureFile.Fixture(file));
        Assert.Equal((expected.Width, expected.Height), (info.Width, info.Height));
        Assert.Equal((expected.Width, expected.Height), (image.Width, image.Height));
        Assert.Equal(expected.Pixels.ToArray(), image.Pixels.ToArray());
    }

    [Fact]
    public void A_TIFF_with_JPEG_inside_comes_near_to_the_pixels_that_went_in()
    {
        using ImageBuffer image = ImageDecoder.Decode(PictureFile.Fixture("jpeg.tif")), expected = ImageDecoder.Decode(PictureFile.Fixture("rgb.ppm"));
        double error = 0;
        for (int i = 0; i < image.Pixels.Length; i++) error += Math.Abs(image.Pixels[i] - expected.Pixels[i]);
        Assert.InRange(error / image.Pixels.Length, 0, 6);
    }

    [Theory]
    [InlineData("lzw.tif")]
    [InlineData("tiled.tif")]
    [InlineData("group4.tif")]
    [InlineData("palette.gif")]
    [InlineData("interlaced.gif")]
    [InlineData("rle.bmp")]
    [InlineData("rgb.ico")]
    [InlineData("lossless.webp")]
    [InlineData("web.jfif")]
    public void A_file_that_ends_early_is_refused_by_name(string file)
    {
        byte[] bytes = File.ReadAllBytes(PictureFile.Fixture(file));
        foreach (int percent in new[] { 15, 40, 70, 90 })
        {
            string message = Assert.Throws<InvalidDataException>(() => ImageDecoder.Decode(bytes.AsSpan(0, bytes.Length * percent / 100), file)).Message;
            Assert.StartsWith($"{file}: ", message);
        }
    }

    [Theory]
    [InlineData("\0\0\0\u0018ftypheic\0\0\0\0", "HEIC")]
    [InlineData("\0\0\0\u001cftypmif1\0\0\0\0", "HEIC")]
    [InlineData("\0\0\0\u0020ftypavif\0\0\0\0", "AVIF")]
    [InlineData("\0\0\0\u0020ftypisom\0\0\0\0", "a video")]
    [InlineData("\0\0\0\u000cJXL \r\n", "JPEG XL")]
    [InlineData("\0\0\0\u000cjP  \r\n", "JPEG 2000")]
    [InlineData("8BPS\0\u0001", "Photoshop")]
    [InlineData("%PDF-1.7", "PDF")]
    [InlineData("\n<!DOCTYPE html><html>", "download may have failed")]
    [InlineData("version https://git-lfs.github.com/spec/v1", "git lfs pull")]
    [InlineData("P4 8 8 ", "P4")]
    public void A_format_that_is_not_read_is_refused_by_its_right_name(string start, string expected)
    {
        byte[] file = System.Text.Encoding.Latin1.GetBytes(start);
        InvalidDataException error = Assert.Throws<InvalidDataException>(() => ImageDecoder.Decode(file, "photo.jpg"));
        Assert.StartsWith("photo.jpg: this is a", error.Message);
        Assert.Contains(expected, error.Message);
    }

    [Fact]
    public void Around_a_small_first_picture_a_GIF_has_the_first_colour_of_its_palette()
    {
        // A canvas of 3 x 1; the picture is its middle pixel, of colour 1. Codes: clear, 1, end.
        byte[] file = [.. "GIF89a"u8, 3, 0, 1, 0, 0x80, 0, 0, 10, 20, 30, 40, 50, 60, 0x2C, 1, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x4C, 0x01, 0, 0x3B];
        using ImageBuffer image = ImageDecoder.Decode(file);
        Assert.Equal([10, 20, 30, 40, 50, 60, 10, 20, 30], image.Pixels.ToArray());
    }

    [Fact]
    public void Every_format_is_named_has_an_ending_and_recognises_its_own_files_alone()
    {
        foreach (string file in Directory.EnumerateFiles(PictureFile.Fixture("")))
        {
            ImageFormat format = ImageDecoder.Identify(file).Format;
            byte[] bytes = File.ReadAllBytes(file);
            Assert.Equal([format], ImageFormats.Known.Where(known => known.Recognises(bytes)));
            if (!file.Contains("really", StringComparison.Ordinal)) Assert.Contains(Path.GetExtension(file), format.Extensions);
        }

        Assert.Throws<ArgumentException>(() => ImageFormats.Add(new JpegFormat()));
    }
}
