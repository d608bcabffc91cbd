using AdaptFormer.Runs.Statistics;
using Xunit;

namespace AdaptFormer.Tests.Runs.Statistics;

public sealed class WilsonIntervalTests
{
    // As statsmodels' proportion_confint(right, of, method="wilson") has them.
    [Theory]
    [InlineData(0, 10, 0, 0.277533)]
    [InlineData(10, 10, 0.722467, 1)]
    [InlineData(1, 2, 0.094531, 0.905469)]
    [InlineData(485, 1000, 0.454145, 0.515981)]
    public void Its_ends_are_those_of_the_formula(int right, int of, double low, double high)
    {
        (double from, double to) = WilsonInterval.Of(right, of);
        Assert.Equal(low, from, 1e-5);
        Assert.Equal(high, to, 1e-5);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(-1, 3)]
    [InlineData(4, 3)]
    public void Counts_that_cannot_be_are_refused(int right, int of) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => WilsonInterval.Of(right, of));
}
