using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Ops;

/// <summary>A tensor that was given away lends its memory to the next result, unless somebody else holds it.</summary>
public sealed class GiveTests
{
    [Fact]
    public void A_given_residual_becomes_the_result()
    {
        using TensorScope scope = new();
        using Parameter w = Parameter.Full(new Shape(2, 2), 1);
        Tensor x = Tensor.From([1, 2], new Shape(1, 2)), kept = Tensor.Full(new Shape(1, 2), 1), given = Tensor.Full(new Shape(1, 2), 1).Give();
        Assert.Equal([4, 4], x.Linear(w, residual: kept).ToArray());
        Assert.Equal([4, 4], x.Linear(w, residual: given).ToArray());
        Assert.Equal((true, false), (kept.IsAlive, given.IsAlive));
    }

    [Fact]
    public void What_a_view_shares_or_a_tape_holds_stays_as_it_is()
    {
        using TensorScope scope = new();
        using Parameter w = Parameter.Full(new Shape(2, 2), 1), scale = Parameter.Full(new Shape(2), 3);
        scale.Trainable = true;
        Tensor x = Tensor.From([1, 2], new Shape(1, 2)), shared = Tensor.Full(new Shape(1, 2), 1), view = shared.Reshape(2);
        x.Linear(w, residual: shared.Give());
        Assert.Equal([1, 1], view.ToArray());

        using Tape tape = new(new Rng(0));
        Tensor held = tape.Watch(Tensor.Full(new Shape(1, 2), 1));
        held.ScaleFeatures(scale);
        x.Linear(w, residual: held.Give());
        Assert.Equal([1, 1], held.ToArray());
    }

    [Fact]
    public void A_weight_is_never_given_away()
    {
        using TensorScope scope = new();
        using Parameter w = Parameter.Full(new Shape(2, 2), 1), residual = Parameter.Full(new Shape(1, 2), 1);
        Tensor.From([1, 2], new Shape(1, 2)).Linear(w, residual: residual.Give());
        Assert.Equal([1, 1], residual.ToArray());
    }

    [Fact]
    public void The_gradient_passes_through_what_was_given()
    {
        using Parameter w = GradCheck.Uniform(new Rng(1), 3, 3), p = GradCheck.Uniform(new Rng(2), 2, 3);
        float[][] plain = GradCheck.Run(t => t[0].Linear(t[1], residual: t[0].Scale(2)), [p, w]).Gradients;
        float[][] given = GradCheck.Run(t => t[0].Linear(t[1], residual: t[0].Scale(2).Give()), [p, w]).Gradients;
        Assert.Equal(plain, given);
    }
}
