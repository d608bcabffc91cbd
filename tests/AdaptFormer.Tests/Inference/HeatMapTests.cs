using AdaptFormer.Data.Images;
using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Reports;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using Xunit;

namespace AdaptFormer.Tests.Inference;

public sealed class HeatMapTests
{
    private static readonly Preprocessing Pictures = Preprocessing.ImageNet(8);

    [Fact]
    public void The_picture_is_what_the_model_saw()
    {
        using HeatMap map = new(Grey(new Shape(3, 8, 8)), new Shape(3, 8, 8), Pictures, new TokenGrid(1, 2, 2), 16);
        using ImageBuffer picture = Decoded(map.Picture());
        Assert.Equal((16, 16), (picture.Width, picture.Height));
        Assert.All(picture.Pixels.ToArray(), value => Assert.InRange(value, 127, 129));
    }

    [Fact]
    public void What_is_read_most_is_lightest_and_lies_where_its_patch_is()
    {
        using HeatMap map = new(Grey(new Shape(3, 8, 8)), new Shape(3, 8, 8), Pictures, new TokenGrid(1, 2, 2), 16);
        using ImageBuffer drawn = Decoded(map.Over([0.1f, 0.1f, 0.1f, 0.7f]));
        Assert.True(Light(drawn, 13, 13) > Light(drawn, 8, 8) && Light(drawn, 8, 8) > Light(drawn, 2, 2));
        Assert.Equal(Light(drawn, 2, 2), Light(drawn, 13, 2));
        using ImageBuffer even = Decoded(map.Over([0.25f, 0.25f, 0.25f, 0.25f]));
        Assert.Equal(even.Row(0)[..3], even.Row(15)[^3..]);
    }

    [Fact]
    public void Of_a_clip_some_frames_lie_side_by_side()
    {
        Shape shape = new(3, 16, 8, 8);
        using HeatMap map = new(Grey(shape), shape, Pictures, new TokenGrid(8, 2, 2), 16);
        float[] shares = new float[32];
        shares.AsSpan(28, 4).Fill(1);                                       // the last pair of frames
        using ImageBuffer drawn = Decoded(map.Over(shares));
        Assert.Equal((64, 16), (drawn.Width, drawn.Height));
        Assert.True(Light(drawn, 56, 8) > Light(drawn, 8, 8));
        Assert.Equal(Light(drawn, 8, 8), Light(drawn, 40, 8));
    }

    private static float[] Grey(Shape shape)
    {
        float[] values = new float[shape.Length];
        for (int c = 0; c < 3; c++) values.AsSpan(c * values.Length / 3, values.Length / 3).Fill((0.5f - Pictures.Mean.ToArray()[c]) / Pictures.Std.ToArray()[c]);
        return values;
    }

    private static int Light(ImageBuffer image, int x, int y) => image.Row(y)[3 * x] + image.Row(y)[(3 * x) + 1] + image.Row(y)[(3 * x) + 2];

    private static ImageBuffer Decoded(string address)
    {
        ImageBuffer image = new();
        ImageDecoder.Decode(Convert.FromBase64String(address["data:image/png;base64,".Length..]), image, "drawn");
        return image;
    }
}
