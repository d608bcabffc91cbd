using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Images;
using Xunit;

namespace AdaptFormer.Tests.Data.Datasets;

public sealed class FrameFolderDatasetTests
{
    [Fact]
    public void Numbers_in_the_names_of_frames_are_compared_as_numbers()
    {
        Assert.Equal(Grays("a", "unpadded"), Grays("b", "padded"));
        double[] grays = Grays("a", "unpadded");
        Assert.Equal(12, grays.Length);
        Assert.Equal(grays.Order(), grays);
    }

    [Theory]
    [InlineData("frame2.png", "frame10.png", -1)]
    [InlineData("frame02.png", "frame2.png", -1)]
    [InlineData("a1b10", "a1b9", 1)]
    [InlineData("a", "a1", -1)]
    [InlineData("img_00000000000000000000001", "img_2", -1)]
    [InlineData("99999999999999999999999", "100000000000000000000000", -1)]
    [InlineData("x", "x", 0)]
    public void Natural_order(string x, string y, int sign)
    {
        Assert.Equal(sign, Math.Sign(NaturalOrder.Comparer.Compare(x, y)));
        Assert.Equal(-sign, Math.Sign(NaturalOrder.Comparer.Compare(y, x)));
    }

    [Fact]
    public void A_list_of_frames_counts_in_the_same_order()
    {
        using TempFolder folder = new();
        for (byte t = 1; t <= 11; t++) folder.WritePng($"f/{t}.png", t);
        LabelledDataset clips = Clips.Open("frame-list:" + folder.Write("list", "f 2 11 0\n"));
        using ClipBuffer clip = new();
        clips.Load(0, [0, 9], clip);
        Assert.Equal((2, 11), (clip[0].Pixels[0], clip[1].Pixels[0]));
    }

    private static double[] Grays(params string[] folder)
    {
        UnlabelledDataset clip = UnlabelledDataset.Of([Inputs.At(["frame-order", .. folder])], clips: true);
        using ClipBuffer frames = new();
        clip.Load(0, [.. Enumerable.Range(0, clip.FrameCount(0))], frames);
        return [.. Enumerable.Range(0, frames.Count).Select(t => (double)frames[t].Pixels[0])];
    }
}
