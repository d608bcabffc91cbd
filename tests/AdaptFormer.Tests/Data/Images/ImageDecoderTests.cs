using AdaptFormer.Data.Images;
using AdaptFormer.Tensors;
using Xunit;

namespace AdaptFormer.Tests.Data;

public sealed class ImageDecoderTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(17, 5)]
    [InlineData(64, 33)]
    public void A_written_PNG_reads_back_the_same(int width, int height)
    {
        using ImageBuffer image = Noise(width, height);
        using MemoryStream file = new();
        PngWriter.Write(file, image);
        Assert.Equal(new ImageInfo(ImageFormats.Png, width, height), ImageDecoder.Identify(file.ToArray()));
        using ImageBuffer back = ImageDecoder.Decode(file.ToArray());
        Assert.True(image.Pixels.SequenceEqual(back.Pixels));
    }

    [Fact]
    public void Any_single_flipped_byte_of_a_PNG_is_noticed()
    {
        using ImageBuffer image = Noise(6, 6);
        using MemoryStream file = new();
        PngWriter.Write(file, image);
        byte[] bytes = file.ToArray();
        for (int i = 0; i < bytes.Length - 12; i++)       // the end chunk carries no pixels and is not needed
        {
            bytes[i] ^= 0x10;
            Assert.Throws<InvalidDataException>(() => ImageDecoder.Decode(bytes, "flipped.png"));
            bytes[i] ^= 0x10;
        }
    }

    [Fact]
    public void Every_truncation_of_a_PNG_before_its_end_chunk_is_an_error()
    {
        using ImageBuffer image = Noise(9, 7);
        using MemoryStream file = new();
        PngWriter.Write(file, image);
        byte[] bytes = file.ToArray();
        for (int length = 0; length < bytes.Length - 12; length++)
            Assert.Throws<InvalidDataException>(() => ImageDecoder.Decode(bytes.AsSpan(0, length)));
    }

    [Theory]
    [InlineData("P6\n# a comment\n2 1\n255\nabcdef", new byte[] { 97, 98, 99, 100, 101, 102 })]
    [InlineData("P5 2 1 255\nab", new byte[] { 97, 97, 97, 98, 98, 98 })]
    [InlineData("P2 2 1 4  0 4\n", new byte[] { 0, 0, 0, 255, 255, 255 })]
    [InlineData("P3 1 1 255 1 2 3", new byte[] { 1, 2, 3 })]
    [InlineData("P5 1 1 65535\n\u007f\u0000", new byte[] { 127, 127, 127 })]
    public void Netpbm_files_give_their_samples(string text, byte[] expected)
    {
        using ImageBuffer image = ImageDecoder.Decode(System.Text.Encoding.Latin1.GetBytes(text));
        Assert.Equal(expected, image.Pixels.ToArray());
    }

    [Theory]
    [InlineData("P6 2 1 255\nabcde", "truncated")]
    [InlineData("P5 2 x", "number")]
    [InlineData("P5 60000 60000 255\n", "decompression bombs")]
    [InlineData("P2 1 1 7 9", "larger than the maximum")]
    [InlineData("GIF89a..", "end early")]
    [InlineData("XIF89a..", "5849463839612E2E")]
    [InlineData("", "empty")]
    public void Damaged_files_get_a_message_with_name_and_reason(string text, string reason)
    {
        InvalidDataException error = Assert.Throws<InvalidDataException>(() => ImageDecoder.Decode(System.Text.Encoding.Latin1.GetBytes(text), "some/file"));
        Assert.StartsWith("some/file: ", error.Message);
        Assert.Contains(reason, error.Message);
    }

    [Theory]
    [InlineData(24, false)]
    [InlineData(24, true)]
    [InlineData(32, false)]
    [InlineData(8, false)]
    [InlineData(1, false)]
    public void Bitmaps_give_their_pixels_top_row_first(int bits, bool topDown)
    {
        // 3 x 2 pixels, black and white alternating, the top left one white.
        byte[] file = Bitmap(bits, topDown, (x, y) => (x + y) % 2 == 0);
        using ImageBuffer image = ImageDecoder.Decode(file);
        Assert.Equal((3, 2), (image.Width, image.Height));
        Assert.Equal([255, 255, 255, 0, 0, 0, 255, 255, 255], image.Row(0).ToArray());
        Assert.Equal([0, 0, 0, 255, 255, 255, 0, 0, 0], image.Row(1).ToArray());
        Assert.Throws<InvalidDataException>(() => ImageDecoder.Decode(file.AsSpan(0, file.Length - 1)));
    }

    [Fact]
    public void Native_libraries_are_described_with_what_to_install()
    {
        IReadOnlyList<NativeLibraryInfo> libraries = NativeImageLibraries.Describe();
        Assert.Equal(["libturbojpeg", "libwebp", "libSkiaSharp"], libraries.Select(l => l.Name));
        Assert.All(libraries, l => Assert.Equal(l.Found, l.Path is not null && l.Version is not null));
        Assert.All(libraries, l => Assert.Contains("install", l.Install));
    }

    [Fact]
    public void A_JPEG_decodes_whatever_was_decoded_before_it_on_the_thread()
    {
        string folder = SharedData.Require("odd_images");
        string good = Path.Combine(folder, "jpeg/hopper.jpg");
        using ImageBuffer before = ImageDecoder.Decode(good);
        Assert.Throws<InvalidDataException>(() => ImageDecoder.Decode(Path.Combine(folder, "jpeg_corrupt/derive-huffman-codes-overflow.jpg")));
        using ImageBuffer after = ImageDecoder.Decode(good);
        Assert.True(before.Pixels.SequenceEqual(after.Pixels));
    }

    internal static ImageBuffer Noise(int width, int height, long seed = 1)
    {
        Rng rng = new(seed);
        ImageBuffer image = new(width, height);
        foreach (ref byte value in image.Pixels) value = (byte)rng.NextInt(256);
        return image;
    }

    private static byte[] Bitmap(int bits, bool topDown, Func<int, int, bool> white)
    {
        int stride = ((3 * bits) + 31) / 32 * 4, colors = bits <= 8 ? 2 : 0, offset = 54 + (colors * 4);
        byte[] file = new byte[offset + (2 * stride)];
        using BinaryWriter writer = new(new MemoryStream(file));
        writer.Write("BM"u8);
        foreach (int value in new[] { file.Length, 0, offset, 40, 3, topDown ? -2 : 2 }) writer.Write(value);
        writer.Write((short)1);
        writer.Write((short)bits);
        foreach (int value in new[] { 0, 0, 0, 0, colors, 0 }) writer.Write(value);
        for (int c = 0; c < colors; c++) writer.Write(c == 1 ? 0x00FFFFFF : 0);
        for (int row = 0; row < 2; row++)
        {
            int y = topDown ? row : 1 - row;
            for (int x = 0; x < 3; x++)
            {
                int at = offset + (row * stride);
                if (!white(x, y)) continue;
                if (bits == 1) file[at] |= (byte)(0x80 >> x);
                else if (bits == 8) file[at + x] = 1;
                else file.AsSpan(at + (x * bits / 8), 3).Fill(255);
            }
        }

        return file;
    }
}
