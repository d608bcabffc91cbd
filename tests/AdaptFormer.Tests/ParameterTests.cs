using System.Runtime.InteropServices;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests;

public sealed unsafe class ParameterTests
{
    [Theory]
    [InlineData(false, DataType.Float32)]
    [InlineData(false, DataType.BFloat16)]
    [InlineData(true, DataType.Float32)]
    [InlineData(true, DataType.BFloat16)]
    public void Forms_made_from_old_numbers_are_made_anew(bool trainable, DataType compute)
    {
        foreach (string backend in new[] { CpuBackends.Managed, CpuBackends.OneDnnName })
        {
            using IDisposable _ = CpuBackends.Use(backend);
            using TensorScope scope = new();
            using Parameter w = Parameter.Full(new Shape(2, 3), 1);
            w.Trainable = trainable;
            Tensor x = Tensor.Full(new Shape(4, 3), 1);
            Assert.All(Apply(), y => Assert.Equal(3, y));
            w.Assign([2, 2, 2, 2, 2, 2]);
            Assert.All(Apply(), y => Assert.Equal(6, y));
            w.Span.Fill(4);
            w.Changed();
            Assert.All(Apply(), y => Assert.Equal(12, y));
            Assert.All(w.Cast(DataType.Float32).As(compute).ToArray(), y => Assert.Equal(4, y));
            w.Trainable = !trainable;
            Assert.All(Apply(), y => Assert.Equal(12, y));

            float[] Apply() => x.Linear(w, compute: compute, output: DataType.Float32).ToArray();
        }
    }

    [Fact]
    public void A_parameter_read_as_activations_is_rounded_anew_after_a_change()
    {
        using TensorScope scope = new();
        using Parameter x = Parameter.Full(new Shape(1, 3), 1), w = Parameter.Full(new Shape(1, 3), 1);
        Assert.Equal(3, x.Linear(w, compute: DataType.BFloat16).Item());
        x.Assign([2, 2, 2]);
        Assert.Equal(6, x.Linear(w, compute: DataType.BFloat16).Item());
    }

    [Fact]
    public void Borrowed_numbers_are_read_in_place_and_never_written()
    {
        float[] file = [1, 2, 3];
        GCHandle pin = GCHandle.Alloc(file, GCHandleType.Pinned);
        using (Parameter p = Parameter.Zeros(3))
        {
            p.Borrow(pin.AddrOfPinnedObject(), file, releasePages: null);
            Assert.Equal(file, p.ToArray());
            p.Assign([7, 8, 9]);
            Assert.Equal([7, 8, 9], p.ToArray());
        }

        using (Parameter mean = Parameter.Zeros(3), variance = Parameter.Full(new Shape(3), 1))
        {
            mean.Borrow(pin.AddrOfPinnedObject(), file, releasePages: null);
            using TensorScope scope = new();
            using Tape tape = new(new Rng(0));
            tape.Watch(Tensor.Zeros(2, 3)).BatchNorm(mean, variance, 0.5f, 1e-6f);
            Assert.Equal([0.5f, 1, 1.5f], mean.ToArray());
        }

        Assert.Equal([1, 2, 3], file);
        pin.Free();
    }

    [Fact]
    public void A_wrong_number_of_values_is_refused()
    {
        using Parameter p = Parameter.Zeros(2, 3);
        Assert.Equal("Parameter.Assign: [2, 3] has 6 elements, got 2 values.", Assert.Throws<ArgumentException>(() => p.Assign([1, 2])).Message);
        Assert.Equal("Parameter.From: [2] has 2 elements, got 3 values.", Assert.Throws<ArgumentException>(() => Parameter.From([1, 2, 3], new Shape(2))).Message);
    }
}
