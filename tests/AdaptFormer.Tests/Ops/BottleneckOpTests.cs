using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends.Cpu;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Ops;

public sealed class BottleneckOpTests
{
    public static TheoryData<string> Backends => CpuBackends.All;

    [Theory]
    [MemberData(nameof(Backends))]
    public void It_equals_the_layers_that_it_is_made_of(string backend)
    {
        using IDisposable _ = CpuBackends.Use(backend);
        foreach ((int rows, int c, int m, bool bias, Epilogue f) in new[] { (1, 5, 3, true, Epilogue.Relu), (19, 33, 7, true, Epilogue.Gelu), (70, 48, 16, false, Epilogue.Relu), (600, 17, 1, true, Epilogue.None) })
        {
            foreach (DataType type in new[] { DataType.Float32, DataType.BFloat16 })
            {
                using TensorScope scope = new();
                Parameter[] p = [Numbers(1, m, c), Numbers(2, m), Numbers(3, c, m), Numbers(4, c)];
                (Parameter? bDown, Parameter? bUp) = bias ? (p[1], p[3]) : (null, null);
                Tensor x = Numbers(5, rows, c).Scale(1), h = f switch
                {
                    Epilogue.Relu => x.LinearRelu(p[0], bDown, type),
                    Epilogue.Gelu => x.LinearGelu(p[0], bDown, type),
                    _ => x.Linear(p[0], bDown, type),
                };
                float[] expected = h.Linear(p[2], bUp, type, residual: x, scale: 0.3f).ToArray();

                foreach (bool inPlace in new[] { false, true })
                {
                    Tensor y = x.AddBottleneck((p[0], bDown), (p[2], bUp), f, 0.3f, type, inPlace);
                    Assert.Equal(!inPlace, x.IsAlive);
                    float[] actual = y.ToArray();
                    for (int i = 0; i < actual.Length; i++) Assert.Equal(expected[i], actual[i], type == DataType.Float32 ? 1e-5f : 2e-2f);
                }

                foreach (Parameter parameter in p) parameter.Dispose();
            }
        }
    }

    [Fact]
    public void It_follows_weights_that_change()
    {
        using TensorScope scope = new();
        using Parameter down = Parameter.Full(new Shape(1, 2), 1), up = Parameter.Full(new Shape(2, 1), 1);
        Tensor x = Tensor.From([1, 2], new Shape(1, 2));
        down.Trainable = up.Trainable = true;
        Assert.Equal([4f, 5f], x.AddBottleneck((down, null), (up, null), Epilogue.Relu, 1, DataType.Float32).ToArray());
        up.Assign([2, 3]);
        Assert.Equal([7f, 11f], x.AddBottleneck((down, null), (up, null), Epilogue.Relu, 1, DataType.Float32).ToArray());
    }

    [Fact]
    public void It_refuses_shapes_that_do_not_fit_and_passes_that_are_recorded()
    {
        using TensorScope scope = new();
        using Parameter down = Parameter.Full(new Shape(3, 4), 1), up = Parameter.Full(new Shape(4, 2), 1), right = Parameter.Full(new Shape(4, 3), 1);
        Tensor x = Tensor.Zeros(2, 4);
        Assert.Contains("AddBottleneck", Assert.ThrowsAny<ArgumentException>(() => x.AddBottleneck((down, null), (up, null), Epilogue.Relu, 1, DataType.Float32)).Message, StringComparison.Ordinal);
        using Tape tape = new(new Rng(0));
        Assert.Throws<InvalidOperationException>(() => tape.Watch(x).AddBottleneck((down, null), (right, null), Epilogue.Relu, 1, DataType.Float32));
    }

    private static Parameter Numbers(int seed, params int[] dims) => Parameter.From(GradCheck.Numbers(new Rng(seed), dims.Aggregate(1, (a, b) => a * b)), new Shape(dims));
}
