using AdaptFormer.Runs.Statistics;
using Xunit;

namespace AdaptFormer.Tests.Runs.Statistics;

public sealed class StatisticsTests
{
    [Theory]
    [InlineData(0, 0, 1)]
    [InlineData(1, 0, 1)]                           // 2 · ½
    [InlineData(5, 0, 0.0625)]                      // 2 · (½)⁵
    [InlineData(0, 6, 0.03125)]                     // 2 · (½)⁶
    [InlineData(2, 8, 0.109375)]                    // 2 · (1 + 10 + 45) / 1024
    [InlineData(8, 2, 0.109375)]
    [InlineData(4, 4, 1)]
    public void McNemar_s_p_is_the_binomial_tail_worked_out_by_hand(int b, int c, double p) => Assert.Equal(p, McNemar.PValue(b, c), 12);

    [Fact]
    public void McNemar_s_p_stays_a_number_with_a_hundred_thousand_pairs()
    {
        Assert.Equal(1, McNemar.PValue(50_000, 50_000), 2);
        // z = 1000 / √100000 = 3.162: the normal tail is 0.00157
        Assert.InRange(McNemar.PValue(50_500, 49_500), 0.00150, 0.00164);
    }

    // Three pictures, one of which only the first has right: the mean of a draw is Binomial(3, ⅓)/3, so that P(0) = 8/27, P(≤ 1/3) = 20/27, P(≤ 2/3) = 26/27.
    [Theory]
    [InlineData(0.95, 0, 1)]                        // 0.975 > 26/27
    [InlineData(0.90, 0, 2 / 3.0)]                  // 0.95 < 26/27
    [InlineData(0.50, 0, 2 / 3.0)]                  // 0.25 < 8/27, 0.75 > 20/27
    [InlineData(0.40, 1 / 3.0, 1 / 3.0)]            // 0.30 > 8/27, 0.70 < 20/27
    public void The_bootstrap_interval_is_that_of_the_binomial_distribution(double level, double low, double high)
    {
        (double actualLow, double actualHigh) = PairedBootstrap.Interval([[1, 0, 0]], level);
        Assert.Equal(low, actualLow, 9);
        Assert.Equal(high, actualHigh, 9);
    }

    [Fact]
    public void The_bootstrap_draws_seeds_too()
    {
        // Every picture agrees within a seed: all that varies is which seeds are drawn, ±1 and ±1 with probability ¼, 0 with ½.
        Assert.Equal((-1.0, 1.0), PairedBootstrap.Interval([[1, 1, 1, 1], [-1, -1, -1, -1]]));
        Assert.Equal((0.0, 0.0), PairedBootstrap.Interval([[1, 1, 1, 1], [-1, -1, -1, -1]], level: 0.4));
    }

    [Fact]
    public void A_difference_is_told_from_chance_by_McNemar_s_test_with_one_seed_and_by_the_interval_with_several()
    {
        bool[] all = [.. Enumerable.Repeat(true, 40)], most = [.. Enumerable.Range(0, 40).Select(i => i >= 8)];
        Difference one = Difference.Between([most], [all]), two = Difference.Between([most, most], [all, all]);
        Assert.Equal(-20, one.Points, 9);
        Assert.Equal(2 * Math.Pow(0.5, 8), one.PValue!.Value, 12);
        Assert.True(one.Significant);
        Assert.Null(two.PValue);
        Assert.True(two.Significant && two.High < 0);

        Difference none = Difference.Between([all], [all]);
        Assert.Equal((0, 0, 0, 1, false), (none.Points, none.Low, none.High, none.PValue!.Value, none.Significant));
        Assert.Contains("same test pictures", Assert.Throws<ArgumentException>(() => Difference.Between([most], [all[1..]])).Message);
    }

    [Fact]
    public void A_spread_has_the_sample_deviation_and_needs_every_value()
    {
        Spread spread = Spread.Of([80, 84, 88])!;
        Assert.Equal((84, 4), (spread.Mean, spread.Std!.Value));
        Assert.Null(Spread.Of([80])!.Std);
        Assert.Null(Spread.Of([80, null]));
        Assert.Null(Spread.Of([]));
    }
}
