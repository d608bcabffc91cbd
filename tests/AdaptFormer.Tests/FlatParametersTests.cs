using System.Runtime.InteropServices;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests;

public sealed class FlatParametersTests
{
    [Fact]
    public void Numbers_move_in_and_out_unchanged_and_gradients_arrive_in_the_vector()
    {
        (Parameter a, Parameter b) = Two();
        using FlatParameters flat = Flat(a, b);
        Assert.Equal([0, 16], flat.Segments.Select(segment => segment.Offset));
        Assert.Equal([1, 2, 3], flat.Values.ToArray()[..3]);
        Assert.Equal([4, 5], flat.Values.ToArray()[16..]);
        Assert.All(flat.Values.ToArray()[3..16], gap => Assert.Equal(0, gap));

        using (TensorScope scope = new())
        using (Tape tape = new(new Rng(0)))
        {
            tape.Backward(tape.Watch(Tensor.From([7, 8, 9], new Shape(3))).Dot(a));
        }

        Assert.Equal([7, 8, 9], flat.Gradients.ToArray()[..3]);
        flat.ZeroGradients();
        Assert.All(a.Grad!.ToArray(), g => Assert.Equal(0, g));
        flat.Values.Span[0] = 11;
        flat.Changed();
        flat.Dispose();
        flat.Dispose();
        Assert.Equal([11, 2, 3], a.ToArray());
        Assert.Equal([4, 5], b.ToArray());
        Assert.Null(a.Grad);
        a.Dispose();
        b.Dispose();
    }

    [Fact]
    public void Assigned_and_loaded_numbers_stay_in_the_vector()
    {
        (Parameter a, Parameter b) = Two();
        using FlatParameters flat = Flat(a, b);
        a.Assign([10, 20, 30]);
        Assert.Equal([10, 20, 30], flat.Values.ToArray()[..3]);
        float[] file = [6, 7];
        GCHandle pin = GCHandle.Alloc(file, GCHandleType.Pinned);
        b.Borrow(pin.AddrOfPinnedObject(), file, releasePages: null);
        pin.Free();
        Assert.Equal([6, 7], flat.Values.ToArray()[16..]);
        flat.Values.Span[16] = 0;
        Assert.Equal([0, 7], b.ToArray());
        Assert.Equal([6, 7], file);
    }

    [Fact]
    public void Parameters_may_be_disposed_first()
    {
        (Parameter a, Parameter b) = Two();
        FlatParameters flat = Flat(a, b);
        a.Dispose();
        flat.Dispose();
        Assert.Equal([4, 5], b.ToArray());
        b.Dispose();
    }

    [Fact]
    public void Nothing_to_learn_and_frozen_parameters_are_refused()
    {
        Assert.Equal("FlatParameters: no trainable parameter; nothing would be learned.", Assert.Throws<ArgumentException>(() => new FlatParameters([])).Message);
        using Parameter frozen = Parameter.Zeros(3);
        Assert.Equal("FlatParameters: a is frozen.", Assert.Throws<ArgumentException>(() => new FlatParameters([new("a", frozen)])).Message);
    }

    private static (Parameter A, Parameter B) Two()
    {
        (Parameter a, Parameter b) = (Parameter.From([1, 2, 3], new Shape(3)), Parameter.From([4, 5], new Shape(2, 1)));
        a.Trainable = b.Trainable = true;
        return (a, b);
    }

    private static FlatParameters Flat(Parameter a, Parameter b) => new([new("a", a), new("b", b)]);
}
