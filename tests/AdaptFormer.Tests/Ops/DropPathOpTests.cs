using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Ops;

public sealed class DropPathOpTests : RandomMaskOpTests<DropPathOpTests>, IOpTests
{
    public static IEnumerable<OpCase> Cases => CasesOf((x, rate) => x.DropPath(rate), [1, 1], [5, 17], [9, 4001]);

    protected override Tensor Drop(Tensor x, float rate) => x.DropPath(rate);

    [Fact]
    public void A_sample_is_dropped_whole()
    {
        using TensorScope scope = new();
        using Tape tape = new(new Rng(2));
        float[][] samples = [.. tape.Watch(Tensor.Full(new Shape(50, 7), 1)).DropPath(0.5f).ToArray().Chunk(7)];
        Assert.All(samples, sample => Assert.Single(sample.Distinct()));
        Assert.Equal(2, samples.Select(sample => sample[0]).Distinct().Count());
    }
}
