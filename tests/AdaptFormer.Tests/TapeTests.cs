using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests;

public sealed class TapeTests
{
    private static readonly Shape Small = new(2, 3);

    [Fact]
    public void A_gradient_that_two_tensors_share_is_not_changed_through_one_of_them()
    {
        // Going back, the sum gives both of its terms the same gradient, a through a view. a then collects more, in place; b must not see that.
        using Parameter p = GradCheck.Uniform(new Rng(1), 6), q = GradCheck.Uniform(new Rng(2), 6), w = GradCheck.Uniform(new Rng(3), 6, 6);
        GradCheck.Check(
            t =>
            {
                Tensor b = t[1].Gelu(), a = t[0].Gelu().Reshape(1, 6);
                Tensor more = a.Linear(t[2]);
                Tensor sum = a.Reshape(6) + b;
                return (sum + more.Reshape(6)).Scale(2);
            },
            [p, q, w]);
    }

    [Fact]
    public void Gradients_add_up_over_passes_and_the_scale_is_the_losss_own_gradient()
    {
        using Parameter w = Parameter.Full(Small, 2);
        w.Trainable = true;
        for (int pass = 0; pass < 2; pass++)
        {
            using TensorScope scope = new();
            using Tape tape = new(new Rng(0));
            tape.Backward(tape.Watch(Tensor.Full(Small, 3)).Dot(w), 0.5f);
        }

        Assert.All(w.Grad!.ToArray(), g => Assert.Equal(3, g));
    }

    [Fact]
    public void What_is_not_a_loss_of_this_pass_is_refused()
    {
        using TensorScope scope = new();
        using Parameter w = Parameter.Full(Small, 2);
        using Tape tape = new(new Rng(0)), other = new(new Rng(0));
        Tensor x = tape.Watch(Tensor.Full(Small, 3));
        Assert.Equal("Tape.Backward: the loss must be one number, got [2, 3].", Assert.Throws<ArgumentException>(() => tape.Backward(x)).Message);
        Assert.Equal("Tape.Backward: no trainable parameter reaches the loss, so there is nothing to compute.", Assert.Throws<ArgumentException>(() => tape.Backward(x.Dot(w))).Message);
        w.Trainable = true;
        Tensor loss = x.Dot(w);
        Assert.Equal("Tape.Backward: the loss was made in another pass.", Assert.Throws<ArgumentException>(() => other.Backward(loss)).Message);
        Assert.Contains("tensors of two passes", Assert.Throws<InvalidOperationException>(() => loss + other.Watch(Tensor.Zeros())).Message);
    }

    [Fact]
    public void A_pass_that_is_over_records_nothing_and_trains_nothing()
    {
        using TensorScope scope = new();
        using Parameter w = Parameter.Full(Small, 2);
        w.Trainable = true;
        Tensor x = Tensor.Full(Small, 3), y;
        Tape tape = new(new Rng(0));
        using (tape) y = tape.Watch(x).Multiply(w);

        Assert.Null(x.Tape);
        Assert.False(y.NeedsGrad);
        Assert.Same(y, y.Dropout(0.5f));
        y.Scale(2);
        Assert.Equal(0, tape.Count);
        Assert.Throws<ObjectDisposedException>(() => tape.Watch(x));
    }

    [Fact]
    public void A_branch_without_a_gradient_is_skipped()
    {
        using TensorScope scope = new();
        using Parameter w = Parameter.Full(Small, 2);
        w.Trainable = true;
        using Tape tape = new(new Rng(0));
        Tensor h = tape.Watch(Tensor.Full(Small, 3)).Multiply(w);
        h.Gelu().Scale(3);                                      // goes nowhere
        tape.Backward(h.Dot(Tensor.Full(Small, 1)));
        Assert.All(w.Grad!.ToArray(), g => Assert.Equal(3, g));
    }
}
