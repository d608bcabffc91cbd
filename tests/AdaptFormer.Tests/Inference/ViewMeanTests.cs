using AdaptFormer.Data.Loading;
using AdaptFormer.Inference;
using AdaptFormer.Tensors;
using AdaptFormer.Training.Metrics;
using Xunit;

namespace AdaptFormer.Tests.Inference;

public sealed class ViewMeanTests
{
    [Fact]
    public void An_item_has_the_mean_of_its_raw_logits_whatever_the_batches()
    {
        // Two items of three views, two classes, in batches of 4 and 2: the first item's mean is (2, 1), the second's (0, −1).
        List<(float[] Logits, int Label, float[] Targets)> items = Merge(
            views: 3,
            ([1, 0, 2, 1, 3, 2, 0, -3], [1, 1, 1, 0], [0, 1, 0, 1, 0, 1, 1, 0]),
            ([3, 0, -3, 0], [0, 0], [1, 0, 1, 0]));
        Assert.Equal(2, items.Count);
        Assert.Equal([2f, 1f], items[0].Logits);
        Assert.Equal([0f, -1f], items[1].Logits);
        Assert.Equal((1, 0), (items[0].Label, items[1].Label));
        Assert.Equal([0f, 1f], items[0].Targets);
        Assert.Equal([1f, 0f], items[1].Targets);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void One_view_that_cannot_be_read_makes_the_whole_item_unreadable(int view)
    {
        int[] labels = [3, 3, 3, 2, 2, 2];
        labels[view] = Batch.Unreadable;
        List<(float[], int Label, float[])> items = Merge(views: 3, (new float[6 * 4], labels, []));
        Assert.Equal([Batch.Unreadable, 2], items.Select(item => item.Label));
    }

    private static List<(float[] Logits, int Label, float[] Targets)> Merge(
        int views, params (float[] Logits, int[] Labels, float[] Targets)[] batches)
    {
        List<(float[], int, float[])> items = [];
        ViewMean mean = new(views);
        foreach ((float[] logits, int[] labels, float[] targets) in batches)
        {
            using TensorScope scope = new();
            Tensor rows = Tensor.From(logits, new Shape(labels.Length, logits.Length / labels.Length));
            mean.Add(rows, labels, targets, (merged, label, target) => items.Add((merged.ToArray(), label[0], target.ToArray())));
        }

        return items;
    }
}
