using AdaptFormer.Data.Images;
using AdaptFormer.Data.Transforms;
using Xunit;

namespace AdaptFormer.Tests.Data;

/// <summary>Small files that promise much: no memory is taken on their word.</summary>
public sealed class HostilePicturesTests
{
    private const long Free = 16 << 20;

    [Theory]
    [InlineData(134_217_000, 1)]      // once 1 GB
    [InlineData(170_000_000, 1)]
    [InlineData(178_000_000, 1)]      // once an OverflowException
    [InlineData(1, 178_000_000)]
    [InlineData(65_536, 1)]
    public void A_PNG_with_a_side_of_millions_is_refused_by_name_and_limit(int width, int height)
    {
        byte[] file = PictureFile.Png(width, height, 16, 6, new byte[10]);
        long taken = Refuse(file, out string message);
        Assert.Contains($"{width}x{height}", message);
        Assert.Contains("65535", message);
        Assert.InRange(taken, 0, 1 << 20);
    }

    [Fact]
    public void A_PNG_without_a_first_row_takes_no_memory_for_its_picture()
    {
        long taken = Refuse(PictureFile.Png(65_535, 2_700, 16, 6, new byte[10]), out string message);
        Assert.Contains("ends early", message);
        Assert.InRange(taken, 0, 4 << 20);
    }

    [Theory]
    [InlineData("GIF")]
    [InlineData("JPEG")]
    [InlineData("WebP")]
    [InlineData("TIFF")]
    [InlineData("BMP")]
    [InlineData("BMP run-length")]
    [InlineData("PNM")]
    public void A_header_that_promises_millions_of_pixels_takes_no_memory(string format)
    {
        byte[] file = format switch
        {
            "GIF" => [.. "GIF89a"u8, 0x00, 0x30, 0x00, 0x30, 0, 0, 0, 0x2C, 0, 0, 0, 0, 0x00, 0x30, 0x00, 0x30, 0, 2, 2, 0x4C, 0x01, 0, 0x3B],
            "JPEG" => [0xFF, 0xD8, 0xFF, 0xC0, 0, 17, 8, 0x30, 0, 0x30, 0, 3, 1, 0x22, 0, 2, 0x11, 0, 3, 0x11, 0, 0xFF, 0xDA, 0, 12, 3, 1, 0, 2, 0, 3, 0, 0, 63, 0, 1, 2, 3, 0xFF, 0xD9],
            // An animation's canvas of 12,288 x 12,288 around a frame that is not there.
            "WebP" => [.. "RIFF"u8, 60, 0, 0, 0, .. "WEBPVP8X"u8, 10, 0, 0, 0, 2, 0, 0, 0, 0xFF, 0x2F, 0, 0xFF, 0x2F, 0, .. "ANMF"u8, 22, 0, 0, 0, .. new byte[16], .. "VP8L"u8, 0, 0],
            "TIFF" => Tiff(12_288, 12_288),
            "BMP" => [.. "BM"u8, 0, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0, 0, 0x30, 0, 0, 0, 0x30, 0, 0, 1, 0, 24, 0, .. new byte[30]],
            "BMP run-length" => [.. "BM"u8, 0, 0, 0, 0, 0, 0, 0, 0, 62, 0, 0, 0, 40, 0, 0, 0, 0, 0x30, 0, 0, 0, 0x30, 0, 0, 1, 0, 8, 0, 1, .. new byte[11], 2, .. new byte[15], 9, 1, 0, 1],
            _ => "P6 12288 12288 255\n"u8.ToArray(),
        };
        Assert.Equal(format.Split(' ')[0], ImageFormats.Of(file, "f").Name);
        Assert.InRange(Refuse(file, out _), 0, 2 << 20);
    }

    [Fact]
    public void A_decoded_PNG_takes_little_more_than_its_pixels()
    {
        const int Width = 4000, Height = 3000;
        byte[] file = PictureFile.Png(Width, Height, 1, 0, new byte[Height * (1 + (Width / 8))]);
        long before = GC.GetAllocatedBytesForCurrentThread();
        using ImageBuffer image = ImageDecoder.Decode(file);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, (3L * Width * Height * 3) + Free);
    }

    [Fact]
    public void A_large_canvas_around_a_tiny_GIF_takes_the_memory_of_its_pixels_and_no_more()
    {
        const int Width = 5000, Height = 4000;
        byte[] file =
        [
            .. "GIF89a"u8, Width & 255, Width >> 8, Height & 255, Height >> 8, 0x80, 0, 0, 10, 20, 30, 40, 50, 60,
            0x2C, 7, 0, 3, 0, 1, 0, 1, 0, 0, 2, 2, 0x4C, 0x01, 0, 0x3B,      // the second colour at (7, 3)
        ];
        long before = GC.GetAllocatedBytesForCurrentThread();
        using ImageBuffer image = ImageDecoder.Decode(file);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, (3L * Width * Height) + Free);
        Assert.Equal((Width, Height), (image.Width, image.Height));
        Assert.Equal([10, 20, 30, 40, 50, 60, 10, 20, 30], image.Row(3).Slice(6 * 3, 9).ToArray());
        Assert.Equal([10, 20, 30], image.Row(Height - 1)[^3..].ToArray());
    }

    [Theory]
    [InlineData(32_768, 23)]      // once 6 seconds
    [InlineData(23, 32_768)]
    [InlineData(1025, 16)]
    [InlineData(-40_000, 16)]
    public void An_icon_with_a_side_that_no_icon_has_is_refused_before_it_is_decoded(int width, int height)
    {
        byte[] bitmap = [40, 0, 0, 0, .. BitConverter.GetBytes(width), .. BitConverter.GetBytes(2 * height), 1, 0, 32, 0, .. new byte[24]];
        byte[] list = [0, 0, 1, 0, 1, 0, 16, 16, 0, 0, 1, 0, 32, 0, .. BitConverter.GetBytes(bitmap.Length), 22, 0, 0, 0];
        long taken = Refuse([.. list, .. bitmap], out string message);
        Assert.Contains($"{Math.Abs(width)}x{height} pixels; icons have sides of at most 1024", message);
        Assert.InRange(taken, 0, 1 << 16);
        byte[] png = PictureFile.Png(Math.Abs(width), height, 8, 2, []);
        Refuse([.. list, .. png], out message);
        Assert.Contains("at most 1024", message);
        Assert.Throws<InvalidDataException>(() => ImageDecoder.Identify([.. list, .. bitmap]));
    }

    [Fact]
    public void The_memory_of_a_giant_goes_when_a_small_picture_comes()
    {
        using ImageBuffer image = new(6000, 4000);
        Assert.InRange(image.Room.Length, 72_000_000, int.MaxValue);
        image.Reset(10, 10);
        Assert.InRange(image.Room.Length, 300, 1 << 20);
    }

    [Theory]
    [InlineData(65_535, 1)]
    [InlineData(1, 65_535)]
    public void The_longest_and_thinnest_picture_is_resized_within_bounds(int width, int height)
    {
        using ImageBuffer image = new(width, height), small = new();
        image.Pixels.Fill(77);
        using ImageResizer resizer = new();
        long before = GC.GetAllocatedBytesForCurrentThread();
        resizer.Resize(image, PixelBox.Of(image), 224, 224, Interpolation.Lanczos, small);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 128 << 20);
        Assert.Equal(-1, small.Pixels.IndexOfAnyExcept((byte)77));
    }

    [Fact]
    public void A_PNG_whose_stream_has_a_wrong_checksum_is_refused_although_its_chunks_are_right()
    {
        byte[] raw = [0, 1, 2, 3, 0, 4, 5, 6];
        using ImageBuffer good = ImageDecoder.Decode(PictureFile.Png(1, 2, 8, 2, raw));
        Assert.Equal([1, 2, 3, 4, 5, 6], good.Pixels.ToArray());
        Refuse(PictureFile.Png(1, 2, 8, 2, raw, rightStream: false), out string message);
        Assert.Contains("compressed data", message);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_JPEG_of_more_than_90_scans_is_refused(bool native)
    {
        if (native) Assert.SkipUnless(NativeImageLibraries.HasTurboJpeg, "libturbojpeg is not installed.");
        using ImageBuffer image = PictureFile.Decode(PictureFile.ProgressiveJpeg(JpegFormat.MaxScans), "scans.jpg", native);
        Assert.Equal(-1, image.Pixels.IndexOfAnyExcept((byte)128));
        InvalidDataException error = Assert.Throws<InvalidDataException>(() => PictureFile.Decode(PictureFile.ProgressiveJpeg(JpegFormat.MaxScans + 1), "scans.jpg", native));
        Assert.Contains("more than 90 scans", error.Message);
    }

    private static long Refuse(byte[] file, out string message)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        message = Assert.Throws<InvalidDataException>(() => ImageDecoder.Decode(file, "some/file.png")).Message;
        Assert.StartsWith("some/file.png: ", message);
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    /// <summary>An uncompressed gray page whose one strip is not there.</summary>
    private static byte[] Tiff(int width, int height)
    {
        using MemoryStream file = new();
        using BinaryWriter writer = new(file);
        (short Tag, int Value)[] entries = [(256, width), (257, height), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, height), (279, width * height)];
        writer.Write("II*\0"u8);
        writer.Write(8);
        writer.Write((short)entries.Length);
        foreach ((short tag, int value) in entries)
        {
            writer.Write(tag);
            writer.Write((short)4);
            writer.Write(1);
            writer.Write(value);
        }

        writer.Write(0);
        return file.ToArray();
    }
}
