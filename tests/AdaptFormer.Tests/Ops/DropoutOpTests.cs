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
    public void Giving_the_output_of_a_relu_changes_neither_result_nor_gradient_and_keeps_one_of_two()
    {
        using Parameter x = GradCheck.Uniform(new Rng(1), 5, 48);
        (float[] result, float[][] gradients) = GradCheck.Run(t => t[0].Relu().Dropout(0.3f), [x]);
        (float[] overwritten, float[][] same) = GradCheck.Run(t => t[0].Relu().Give().Dropout(0.3f), [x]);
        Assert.Equal(result, overwritten);
        Assert.Equal(gradients, same);
        Assert.Contains(result, y => y > 0);
        Assert.Equal(Kept(give: false), 2 * Kept(give: true));

        long Kept(bool give)
        {
            using TensorScope scope = new();
            using Tape tape = new(new Rng(1));
            Tensor relu = tape.Watch(x).Relu(), y = (give ? relu.Give() : relu).Dropout(0.3f);
            _ = y.Multiply(y);      // keeps what it reads
            return tape.KeptBytes;
        }
    }

    [Fact]
    public void A_given_mask_is_taken_instead_of_a_drawn_one()
    {
        using TensorScope scope = new();
        using Tape tape = new(new Rng(2));
        tape.GivenMasks.Enqueue(Tensor.From([1, 0, 1], new Shape(3)));
        Assert.Equal([2, 0, 2], tape.Watch(Tensor.Full(new Shape(3), 1)).Dropout(0.5f).ToArray());
    }
}
