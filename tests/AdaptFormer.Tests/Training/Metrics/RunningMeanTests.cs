using AdaptFormer.Training.Metrics;
using Xunit;

namespace AdaptFormer.Tests.Training.Metrics;

public sealed class RunningMeanTests
{
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
