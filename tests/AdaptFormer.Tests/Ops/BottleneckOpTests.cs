using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;
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

                foreach (bool give in new[] { false, true })
                {
                    Tensor y = (give ? x.Give() : x).AddBottleneck(new(p[0], bDown, p[2], bUp, f, 0.3f, type));
                    Assert.Equal(!give, x.IsAlive);
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
        Assert.Equal([4f, 5f], x.AddBottleneck(Plain(down, up)).ToArray());
        up.Assign([2, 3]);
        Assert.Equal([7f, 11f], x.AddBottleneck(Plain(down, up)).ToArray());
    }

    [Fact]
    public void It_refuses_shapes_that_do_not_fit_and_passes_that_are_recorded()
    {
        using TensorScope scope = new();
        using Parameter down = Parameter.Full(new Shape(3, 4), 1), up = Parameter.Full(new Shape(4, 2), 1), right = Parameter.Full(new Shape(4, 3), 1);
        Tensor x = Tensor.Zeros(2, 4);
        Assert.Contains("AddBottleneck", Assert.ThrowsAny<ArgumentException>(() => x.AddBottleneck(Plain(down, up))).Message, StringComparison.Ordinal);
        using Tape tape = new(new Rng(0));
        Assert.Throws<InvalidOperationException>(() => tape.Watch(x).AddBottleneck(Plain(down, right)));
    }

    [Theory]
    [MemberData(nameof(Backends))]
    public void Runs_of_samples_with_bottlenecks_of_their_own_equal_calls_of_their_own(string backend)
    {
        using IDisposable _ = CpuBackends.Use(backend);
        using TensorScope scope = new();
        using Parameter down = Numbers(1, 4, 24), up = Numbers(2, 24, 4), downB = Numbers(3, 7, 24), upB = Numbers(4, 24, 7), bias = Numbers(5, 24);
        Bottleneck first = new(down, null, up, bias, Epilogue.Relu, 0.5f, DataType.Float32), second = new(downB, null, upB, null, Epilogue.Gelu, 2, DataType.Float32);
        Tensor x = Tensor.From(GradCheck.Numbers(new Rng(6), 6 * 17 * 24), new Shape(6, 17, 24));
        (int, int, Bottleneck?)[] runs = [(0, 2, first), (2, 1, null), (3, 3, second)];
        float[] expected = [.. x.SliceBatch(0, 2).AddBottleneck(first).ToArray(), .. x.SliceBatch(2, 1).ToArray(), .. x.SliceBatch(3, 3).AddBottleneck(second).ToArray()];
        Assert.Equal(expected, x.AddBottlenecks(runs).ToArray());
        Tensor given = x.Scale(1).Give();
        Assert.Equal(expected, given.AddBottlenecks(runs).ToArray());
        Assert.False(given.IsAlive);
        Tensor other = Tensor.Zeros(6, 17, 24);
        Assert.Contains("begins at sample 1", Assert.ThrowsAny<ArgumentException>(() => other.AddBottlenecks([(1, 5, first)])).Message);
        Assert.Contains("end at sample 5", Assert.ThrowsAny<ArgumentException>(() => other.AddBottlenecks([(0, 5, first)])).Message);
    }

    [Fact]
    public void Many_tasks_with_a_sample_each_are_one_call_and_answered_to_the_bit_as_alone()
    {
        ProfilingBackend profile = new(CpuBackend.Managed);
        using IDisposable use = Backend.Use(profile);
        foreach (DataType type in new[] { DataType.Float32, DataType.BFloat16 })
        {
            using TensorScope scope = new();
            List<Parameter> all = [];
            Bottleneck[] tasks = [.. Enumerable.Range(0, 9).Select(i =>
            {
                Parameter[] p = [Numbers(4 * i, 5 + i, 24), Numbers((4 * i) + 1, 5 + i), Numbers((4 * i) + 2, 24, 5 + i), Numbers((4 * i) + 3, 24)];
                all.AddRange(p);
                return new Bottleneck(p[0], p[1], p[2], p[3], Epilogue.Relu, 0.1f, type);
            })];
            Tensor x = Tensor.From(GradCheck.Numbers(new Rng(6), tasks.Length * 67 * 24), new Shape(tasks.Length, 67, 24));
            float[] expected = [.. tasks.SelectMany((task, i) => x.SliceBatch(i, 1).AddBottleneck(task).ToArray())];
            profile.Reset();
            Assert.Equal(expected, x.AddBottlenecks([.. tasks.Select((task, i) => (i, 1, (Bottleneck?)task))]).ToArray());
            ProfiledCall call = Assert.Single(profile.Costs);
            Assert.Equal((1, tasks.Sum(task => 4.0 * 67 * 24 * task.Down.Shape[0])), (call.Calls, call.Flops));
            foreach (Parameter parameter in all) parameter.Dispose();
        }
    }

    private static Bottleneck Plain(Parameter down, Parameter up) => new(down, null, up, null, Epilogue.Relu, 1, DataType.Float32);

    private static Parameter Numbers(int seed, params int[] dims) => Parameter.From(GradCheck.Numbers(new Rng(seed), dims.Aggregate(1, (a, b) => a * b)), new Shape(dims));
}
