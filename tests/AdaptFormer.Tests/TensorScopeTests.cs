using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests;

public sealed class TensorScopeTests
{
    [Fact]
    public void A_tensor_read_after_its_scope_says_so()
    {
        Tensor gone;
        using (TensorScope scope = new()) gone = Tensor.Zeros(2, 3);
        Assert.False(gone.IsAlive);
        const string Message = "A tensor [2, 3] was read after its scope ended; keep it with TensorScope.Keep, or name it in an op's keep list.";
        Assert.Contains(Message, Assert.Throws<ObjectDisposedException>(() => gone.ToArray()).Message);
        Assert.Contains(Message, Assert.Throws<ObjectDisposedException>(() => { _ = gone.Span[0]; }).Message);
        Assert.Contains(Message, Assert.Throws<ObjectDisposedException>(() => gone.Relu()).Message);
        Assert.Contains(Message, Assert.Throws<ObjectDisposedException>(() => gone.Reshape(6)).Message);
        using Tensor weight = Tensor.Zeros(40, 3);
        Assert.Contains(Message, Assert.Throws<ObjectDisposedException>(() => gone.Linear(weight)).Message);
    }

    [Fact]
    public void A_kept_tensor_moves_to_the_enclosing_scope()
    {
        Tensor inner, kept;
        using (TensorScope outer = new())
        {
            using (TensorScope scope = new())
            {
                inner = Tensor.Zeros(1);
                kept = scope.Keep(Tensor.Full(new Shape(1), 7));
            }

            Assert.False(inner.IsAlive);
            Assert.Equal(7, kept.Item());
            Assert.Equal(3, TensorScope.Run(() => TensorScope.Run(() => Tensor.Full(new Shape(1), 3))).Item());
        }

        Assert.False(kept.IsAlive);
    }

    [Fact]
    public void Scopes_close_in_order_and_only_once()
    {
        TensorScope outer = new(), inner = new();
        Assert.Contains("opposite to their opening", Assert.Throws<InvalidOperationException>(outer.Dispose).Message);
        inner.Dispose();
        inner.Dispose();
        outer.Dispose();
        using TensorScope next = new();
        Assert.Equal(0, Tensor.Zeros(1).Item());
    }

    [Fact]
    public void A_view_holds_the_memory_that_its_origin_gave_up()
    {
        using TensorScope scope = new();
        Tensor x = Tensor.From([1, 2, 3, 4], new Shape(4)), view = x.Reshape(2, 2);
        x.Dispose();
        Assert.Equal([1, 2, 3, 4], view.ToArray());
    }

    [Fact]
    public void Disposing_early_and_twice_takes_nothing_from_a_tape()
    {
        using Parameter weight = GradCheck.Uniform(new Rng(0), 3, 3);
        weight.Trainable = true;
        using TensorScope scope = new();
        using Tape tape = new(new Rng(0));
        Tensor loss;
        using (TensorScope inner = new())
        {
            Tensor pre = tape.Watch(Tensor.Full(new Shape(2, 3), 1)).Linear(weight);
            Tensor y = pre.Gelu();
            pre.Dispose();
            pre.Dispose();          // the scope does so a third time
            Assert.True(pre.IsAlive);
            loss = inner.Keep(y.Dot(Tensor.Full(y.Shape, 1)));
        }

        tape.Backward(loss);
        Assert.All(weight.Grad!.ToArray(), g => Assert.NotEqual(0, g));
    }
}
