using AdaptFormer.Training.Metrics;
using Xunit;

namespace AdaptFormer.Tests.Training.Metrics;

public sealed class LabelRankTests
{
    [Fact]
    public void Logits_that_are_not_numbers_never_hit()
    {
        Assert.Equal(int.MaxValue, LabelRank.Of([float.NaN, float.NaN, float.NaN], 1));
        Assert.Equal(int.MaxValue, LabelRank.Of([float.NaN, 1, 2], 0));
        Assert.Equal(int.MaxValue, LabelRank.Of([float.PositiveInfinity, 1, 2], 0));
        Assert.Equal(1, LabelRank.Of([float.NaN, 1, 2], 2));
    }

    [Fact]
    public void Of_equal_logits_the_first_class_wins()
    {
        Assert.Equal(0, LabelRank.Of([3, 3, 3], 0));
        Assert.Equal(2, LabelRank.Of([3, 3, 3], 2));
    }

    [Fact]
    public void A_label_outside_the_classes_is_refused() =>
        Assert.Contains("3 classes", Assert.Throws<ArgumentOutOfRangeException>(() => LabelRank.Of([1, 2, 3], 3)).Message);
}
