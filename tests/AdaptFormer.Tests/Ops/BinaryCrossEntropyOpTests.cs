using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Ops;

public sealed class BinaryCrossEntropyOpTests : OpTests<BinaryCrossEntropyOpTests>, IOpTests
{
    public static IEnumerable<OpCase> Cases
    {
        get
        {
            foreach ((int b, int k) in new[] { (1, 1), (5, 3), (40, 101) })
            {
                foreach (LossReduction reduction in Enum.GetValues<LossReduction>())
                    yield return new OpCase($"{reduction}", [[b, k]], (p, _) => p[0].BinaryCrossEntropy(Tensor.From([.. GradCheck.Numbers(new Rng(8), b * k).Select(Math.Abs)], new Shape(b, k)), reduction));
            }
        }
    }

    [Fact]
    public void Wrong_targets_are_refused()
    {
        using TensorScope scope = new();
        Assert.Equal("BinaryCrossEntropy: logits and targets must have one shape [B, K]; got logits [2, 3], targets [2, 2].",
            Assert.Throws<ArgumentException>(() => Tensor.Zeros(2, 3).BinaryCrossEntropy(Tensor.Zeros(2, 2))).Message);
    }
}
