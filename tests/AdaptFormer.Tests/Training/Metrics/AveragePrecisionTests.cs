using AdaptFormer.Training.Metrics;
using Xunit;

namespace AdaptFormer.Tests.Training.Metrics;

public sealed class AveragePrecisionTests
{
    [Fact]
    public void Tied_scores_are_one_threshold_for_scikit_learn_and_keep_their_order_for_asl()
    {
        float[] scores = [0.5f, 0.5f, 0.5f, 0.1f];
        bool[] targets = [true, false, false, true];
        // One threshold at 0.5 (recall ½, precision ⅓), one at 0.1 (recall 1, precision ½).
        Assert.Equal((0.5 / 3) + (0.5 * 0.5), AveragePrecision.PerClass(scores, targets, 1, ApDefinition.ScikitLearn)[0], 12);
        Assert.Equal((1 + 0.5) / 2, AveragePrecision.PerClass(scores, targets, 1, ApDefinition.Asl)[0], 6);
    }

    [Fact]
    public void A_class_without_positives_counts_zero()
    {
        foreach (ApDefinition definition in Enum.GetValues<ApDefinition>())
            Assert.Equal([0.0], AveragePrecision.PerClass([1, 2], [false, false], 1, definition));
        Assert.Equal(50, AveragePrecision.MeanPercent([1, 0]));
        Assert.Equal(100, AveragePrecision.MeanPercent([1, 0], [3, 0]));
    }

    [Fact]
    public void Scores_that_are_not_numbers_are_refused() =>
        Assert.Throws<ArgumentException>(() => AveragePrecision.PerClass([float.NaN], [true], 1, ApDefinition.Asl));
}
