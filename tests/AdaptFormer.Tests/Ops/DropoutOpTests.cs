using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Ops;

public sealed class DropoutOpTests : RandomMaskOpTests<DropoutOpTests>, IOpTests
{
    public static IEnumerable<OpCase> Cases => CasesOf((x, rate) => x.Dropout(rate), [1], [3, 17], [3, 11003]);

    protected override Tensor Drop(Tensor x, float rate) => x.Dropout(rate);

    [Fact]
    public void A_given_mask_is_taken_instead_of_a_drawn_one()
    {
        using TensorScope scope = new();
        using Tape tape = new(new Rng(2));
        tape.GivenMasks.Enqueue(Tensor.From([1, 0, 1], new Shape(3)));
        Assert.Equal([2, 0, 2], tape.Watch(Tensor.Full(new Shape(3), 1)).Dropout(0.5f).ToArray());
    }
}
