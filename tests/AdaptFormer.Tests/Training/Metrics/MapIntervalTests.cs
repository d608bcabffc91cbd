using AdaptFormer.Tensors;
using AdaptFormer.Training.Metrics;
using Xunit;

namespace AdaptFormer.Tests.Training.Metrics;

public sealed class MapIntervalTests
{
    [Fact]
    public void It_holds_the_figure_and_narrows_with_more_pictures()
    {
        (MultiLabelScores few, MultiLabelScores many) = (Noisy(40), Noisy(1000));
        ((double low, double high), (double from, double to)) = (few.Interval()!.Value, many.Interval()!.Value);
        Assert.InRange(few.MeanPercent(ApDefinition.Asl), low, high);
        Assert.InRange(many.MeanPercent(ApDefinition.Asl), from, to);
        Assert.True(to - from < (high - low) / 2, $"{from} to {to} of 1000, {low} to {high} of 40");
    }

    [Fact]
    public void A_ranking_without_a_mistake_leaves_no_doubt_but_an_absent_class_counts_nothing()
    {
        MultiLabelScores scores = new(2);
        for (int i = 0; i < 20; i++) scores.Add([i, 0], [i >= 10 ? 1 : 0, 0]);
        Assert.Equal((50, 50), scores.Interval());
        Assert.Null(new MultiLabelScores(2).Interval());
    }

    // Three classes, each picture having one of them or two; scores are the labels and noise of the same size.
    private static MultiLabelScores Noisy(int pictures)
    {
        MultiLabelScores scores = new(3);
        Rng rng = new(5);
        for (int i = 0; i < pictures; i++)
        {
            float[] targets = [i % 3 == 0 || i % 7 == 0 ? 1 : 0, i % 3 == 1 ? 1 : 0, i % 3 == 2 ? 1 : 0];
            scores.Add([.. targets.Select(held => held + (2 * (rng.NextInt(1000) / 1000f)))], targets);
        }

        return scores;
    }
}
