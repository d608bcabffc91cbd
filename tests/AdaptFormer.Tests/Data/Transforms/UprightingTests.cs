using AdaptFormer.Data.Images;
using AdaptFormer.Data.Transforms;
using AdaptFormer.Tensors;
using Xunit;

namespace AdaptFormer.Tests.Data;

public sealed class UprightingTests
{
    public static TheoryData<Orientation> All => OrientedFile.All;

    [Theory]      // stored as 12/34/56
    [InlineData(Orientation.Normal, "12/34/56")]
    [InlineData(Orientation.Mirrored, "21/43/65")]
    [InlineData(Orientation.UpsideDown, "65/43/21")]
    [InlineData(Orientation.Flipped, "56/34/12")]
    [InlineData(Orientation.Transposed, "135/246")]
    [InlineData(Orientation.QuarterRight, "531/642")]
    [InlineData(Orientation.Transversed, "642/531")]
    [InlineData(Orientation.QuarterLeft, "246/135")]
    public void Each_orientation_does_what_EXIF_says(Orientation orientation, string expected)
    {
        using ImageBuffer stored = new(2, 3), shown = new();
        for (int i = 0; i < 18; i++) stored.Pixels[i] = (byte)((10 * ((i / 3) + 1)) + (i % 3));
        stored.Orientation = orientation;
        Uprighting.Turn(stored, shown);
        Assert.Equal(expected, string.Join('/', Enumerable.Range(0, shown.Height).Select(y => string.Concat(Enumerable.Range(0, shown.Width).Select(x => shown.Row(y)[x * 3] / 10)))));
        for (int i = 0; i < 18; i++) Assert.Equal(i % 3, shown.Pixels[i] % 10);      // channels stay in their order
        Assert.Equal(Orientation.Normal, shown.Orientation);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Every_orientation_gives_the_samples_of_the_upright_picture(Orientation orientation)
    {
        using ImageBuffer upright = OrientedFile.Picture(70, 45), stored = OrientedFile.Stored(upright, orientation);
        foreach (bool train in new[] { true, false })
        {
            TransformOptions turned = new(ImgSize: 16, EvalResize: 18), asStored = turned with { Orientation = OrientationRule.Ignore };
            Assert.Equal(Sample(upright, turned, train), Sample(stored, turned, train));
            stored.Orientation = Orientation.Normal;
            float[] plain = Sample(stored, turned, train);
            stored.Orientation = orientation;
            Assert.Equal(plain, Sample(stored, asStored, train));
            if (orientation != Orientation.Normal) Assert.NotEqual(plain, Sample(upright, turned, train));
        }

        Assert.NotEqual(
            ImageTransform.ForEvaluation(new TransformOptions()).Description,
            ImageTransform.ForEvaluation(new TransformOptions(Orientation: OrientationRule.Ignore)).Description);      // a kept prefix belongs to its rule
    }

    [Fact]
    public void A_phones_picture_looks_as_in_a_viewer()
    {
        using ImageBuffer photo = ImageDecoder.Decode(Inputs.At("orientation", "phone.jpg")), room = new(), expected = ImageDecoder.Decode(Inputs.At("orientation", "upright.png"));
        Assert.Equal((48, 64, Orientation.QuarterRight), (photo.Width, photo.Height, photo.Orientation));
        ImageBuffer shown = Uprighting.Shown(OrientationRule.Apply, photo, room);
        Assert.Equal((64, 48), (shown.Width, shown.Height));
        double sum = 0;
        for (int i = 0; i < shown.Pixels.Length; i++) sum += Math.Abs(shown.Pixels[i] - expected.Pixels[i]);
        Assert.InRange(sum / shown.Pixels.Length, 0, 8);      // a JPEG's loss
        Assert.Same(photo, Uprighting.Shown(OrientationRule.Ignore, photo, room));
    }

    private static float[] Sample(ImageBuffer image, TransformOptions options, bool train)
    {
        ImageTransform transform = train ? ImageTransform.ForTraining(options) : ImageTransform.ForEvaluation(options);
        using ImageTransform.Scratch scratch = new();
        float[] sample = new float[transform.SampleLength];
        transform.Apply(image, new Rng(5), sample, scratch);
        return sample;
    }
}
