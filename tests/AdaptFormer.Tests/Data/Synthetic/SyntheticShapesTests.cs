using AdaptFormer.Data;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Images;
using AdaptFormer.Data.Synthetic;
using Xunit;

namespace AdaptFormer.Tests.Data;

public sealed class SyntheticShapesTests
{
    [Fact]
    public void A_picture_follows_from_seed_and_index_alone()
    {
        Assert.Equal(Pixels(SyntheticShapes.Downstream(20, 5), 7), Pixels(SyntheticShapes.Downstream(1000, 5), 7));
        Assert.NotEqual(Pixels(SyntheticShapes.Downstream(20, 5), 7), Pixels(SyntheticShapes.Downstream(20, 6), 7));
        Assert.NotEqual(Pixels(SyntheticShapes.Downstream(20, 5), 7), Pixels(SyntheticShapes.Downstream(20, 5), 17));
    }

    [Fact]
    public void Classes_are_balanced_and_the_tasks_share_none()
    {
        SyntheticShapes pretraining = SyntheticShapes.Pretraining(48, 0), downstream = SyntheticShapes.Downstream(30, 0);
        Assert.All(pretraining.CountPerClass(), n => Assert.Equal(2, n));
        Assert.All(downstream.CountPerClass(), n => Assert.Equal(3, n));
        Assert.Equal(24, pretraining.ClassNames.Distinct().Count());
        Assert.Empty(pretraining.ClassNames.Intersect(downstream.ClassNames));
        Assert.Contains("striped circle", pretraining.ClassNames);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Every_shape_stands_out_from_its_background(bool pretraining)
    {
        SyntheticShapes data = pretraining ? SyntheticShapes.Pretraining(72, 3, 48) : SyntheticShapes.Downstream(60, 3, 48);
        using ImageBuffer image = new();
        int faint = 0;
        for (int i = 0; i < data.Count; i++)
        {
            data.Load(i, image);
            Assert.Equal((48, 48), (image.Width, image.Height));
            double[] luma = [.. Enumerable.Range(0, 48 * 48).Select(p => (0.3 * image.Pixels[p * 3]) + (0.59 * image.Pixels[(p * 3) + 1]) + (0.11 * image.Pixels[(p * 3) + 2]))];
            Array.Sort(luma);
            if (luma[^(luma.Length / 20)] - luma[luma.Length / 20] < 30) faint++;
        }

        Assert.InRange(faint, 0, 3);
    }

    [Fact]
    public void A_recipe_can_name_them()
    {
        LabelledDataset train = DatasetSource.Open("synthetic-downstream:50"), test = DatasetSource.Open("synthetic-downstream:50", train: false);
        Assert.Equal(50, train.Count);
        Assert.NotEqual(Pixels(train, 3), Pixels(test, 3));
        Assert.Equal(Pixels(train, 3), Pixels(DatasetSource.Open("synthetic-downstream:9:0:32"), 3));
        Assert.Throws<ArgumentException>(() => DatasetSource.Open("synthetic-downstream:many"));
    }

    private static byte[] Pixels(LabelledDataset data, int index)
    {
        using ImageBuffer image = new();
        data.Load(index, image);
        return image.Pixels.ToArray();
    }
}
