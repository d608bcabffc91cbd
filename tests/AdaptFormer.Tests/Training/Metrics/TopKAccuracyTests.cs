using AdaptFormer.Training.Metrics;
using Xunit;

namespace AdaptFormer.Tests.Training.Metrics;

public sealed class TopKAccuracyTests
{
    [Fact]
    public void Logits_that_are_not_numbers_never_hit()
    {
        TopKAccuracy accuracy = new();
        accuracy.Add([float.NaN, float.NaN, float.NaN], [1]);
        accuracy.Add([float.NaN, 1, 2], [0]);
        Assert.Equal(0, accuracy.Top1);
        Assert.Equal(0, accuracy.TopK);
    }

    [Fact]
    public void Of_equal_logits_the_first_class_wins()
    {
        Assert.Equal(0, TopKAccuracy.Rank([3, 3, 3], 0));
        Assert.Equal(2, TopKAccuracy.Rank([3, 3, 3], 2));
    }

    [Fact]
    public void A_label_outside_the_classes_is_refused() =>
        Assert.Contains("3 classes", Assert.Throws<ArgumentOutOfRangeException>(() => TopKAccuracy.Rank([1, 2, 3], 3)).Message, StringComparison.Ordinal);

    [Fact]
    public void Before_the_first_sample_there_is_no_figure() => Assert.True(double.IsNaN(new TopKAccuracy().Top1));

    [Fact]
    public void Means_weigh_batches_by_their_size_and_ignore_empty_ones()
    {
        RunningMean mean = new();
        mean.Add(1, 3);
        mean.Add(double.NaN, 0);
        mean.Add(5, 1);
        Assert.Equal(2, mean.Value);
        Assert.Equal(4, mean.Count);
    }
}
