using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Ops;

public sealed class ChannelsLastOpTests : OpTests<ChannelsLastOpTests>, IOpTests
{
    public static IEnumerable<OpCase> Cases
    {
        get
        {
            foreach ((int m, int channels, int pixels) in new[] { (1, 1, 1), (2, 3, 4), (5, 3, 17) })
                yield return new OpCase($"{channels} channels of {pixels}", [[2, m, channels * pixels]], (p, _) => p[0].ChannelsLast(channels));
        }
    }

    [Fact]
    public void Pixels_keep_their_order_and_channels_come_innermost()
    {
        using TensorScope scope = new();
        Assert.Equal([1, 4, 2, 5, 3, 6], Tensor.From([1, 2, 3, 4, 5, 6], new Shape(1, 6)).ChannelsLast(2).ToArray());
        Assert.Equal("ChannelsLast: 4 channels must divide the last axis of f32 rows; got rows [1, 6].", Assert.Throws<ArgumentException>(() => Tensor.Zeros(1, 6).ChannelsLast(4)).Message);
    }
}
