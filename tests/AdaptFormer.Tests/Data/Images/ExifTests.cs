using AdaptFormer.Data.Images;
using Xunit;

namespace AdaptFormer.Tests.Data;

public sealed class ExifTests
{
    public static TheoryData<Orientation> All => OrientedFile.All;

    [Theory]
    [MemberData(nameof(All))]
    public void Every_format_tells_its_orientation_and_its_pixels_stay_as_they_are_stored(Orientation orientation)
    {
        byte[] big = OrientedFile.Exif((int)orientation), little = OrientedFile.Exif((int)orientation, little: true, type: 4);
        using ImageBuffer picture = OrientedFile.Picture();
        byte[] jpeg = File.ReadAllBytes(PictureFile.Fixture("web.jfif")), webp = File.ReadAllBytes(PictureFile.Fixture("lossless.webp"));
        Check(OrientedFile.Png(picture, big), picture.Pixels.ToArray());
        Check(OrientedFile.Png(picture, little), picture.Pixels.ToArray());
        Check(OrientedFile.Png(picture, [.. "Exif\0\0"u8, .. big]), picture.Pixels.ToArray());
        Check(OrientedFile.Jpeg(jpeg, big), Pixels(jpeg));
        Check(OrientedFile.Jpeg(jpeg, little), Pixels(jpeg));
        byte[] stray = OrientedFile.Jpeg(jpeg, big);
        Check([.. stray[..2], 0xFF, 0xFE, 0, 4, 65, 65, 0x12, 0x34, .. stray[2..]], Pixels(jpeg));
        Check(OrientedFile.WebP(webp, big), Pixels(webp));
        Check(OrientedFile.Tiff(3, 2, (int)orientation), Pixels(OrientedFile.Tiff(3, 2, 1)));

        void Check(byte[] file, byte[] pixels)
        {
            using ImageBuffer image = ImageDecoder.Decode(file);
            Assert.Equal(orientation, image.Orientation);
            Assert.Equal(pixels, image.Pixels.ToArray());
        }

        static byte[] Pixels(byte[] file)
        {
            using ImageBuffer image = ImageDecoder.Decode(file);
            return image.Pixels.ToArray();
        }
    }

    [Fact]
    public void A_buffer_forgets_the_orientation_of_the_picture_before()
    {
        using ImageBuffer picture = OrientedFile.Picture(), image = new(), copy = new();
        ImageDecoder.Decode(OrientedFile.Png(picture, OrientedFile.Exif(8)), image);
        copy.CopyFrom(image);
        Assert.Equal(Orientation.QuarterLeft, copy.Orientation);
        ImageDecoder.Decode(File.ReadAllBytes(PictureFile.Fixture("gray.pgm")), image);
        Assert.Equal(Orientation.Normal, image.Orientation);
    }

    [Fact]
    public void Damaged_EXIF_is_none_and_is_never_read_past_its_end()
    {
        using ImageBuffer picture = OrientedFile.Picture();
        byte[] sound = OrientedFile.Exif(6);
        for (int length = 0; length < 22; length++) Assert.Equal(Orientation.Normal, Of(sound[..length]));
        foreach (int value in new[] { 0, 9, 256, 65_535 }) Assert.Equal(Orientation.Normal, Of(OrientedFile.Exif(value)));
        Assert.Equal(Orientation.Normal, Of(OrientedFile.Exif(6, type: 2)));
        Assert.Equal(Orientation.Normal, Of(OrientedFile.Exif(6, count: 1000)));
        Random random = new(1);
        for (int i = 0; i < 20_000; i++)
        {
            byte[] spoilt = [.. sound];
            for (int k = random.Next(1, 4); k > 0; k--) spoilt[random.Next(spoilt.Length)] = (byte)random.Next(256);
            Exif.Read(spoilt.AsSpan(0, random.Next(spoilt.Length + 1)));
        }

        Orientation Of(byte[] exif)
        {
            using ImageBuffer image = ImageDecoder.Decode(OrientedFile.Png(picture, exif));
            Assert.True(picture.Pixels.SequenceEqual(image.Pixels));
            return image.Orientation;
        }
    }
}
