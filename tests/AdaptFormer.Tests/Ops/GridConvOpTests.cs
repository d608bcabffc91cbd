using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends.Cpu;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Ops;

public sealed class GridConvOpTests : MatMulOpTests<GridConvOpTests>, IOpTests
{
    private static readonly TokenGrid[] Grids = [new(1, 1, 1), new(1, 1, 4), new(1, 3, 3), new(1, 4, 5), new(1, 2, 1), new(3, 3, 2)];

    public static IEnumerable<OpCase> Cases
    {
        get
        {
            foreach (TokenGrid grid in Grids)
            {
                foreach ((int b, int ahead, int c, int m) in new[] { (1, 0, 5, 3), (3, 1, 9, 17), (2, 4, 33, 16) })
                {
                    int n = ahead + grid.Count;
                    yield return new OpCase($"conv {grid}, {ahead} ahead, {c} to {m}", [[b, n, c], [m, c, 3, 3], [m]], (p, type) => p[0].GridConv(p[1], p[2], grid, type)) { BFloat16 = 2e-2 };
                    yield return new OpCase($"depthwise {grid}, {ahead} ahead, {m}", [[b, n, m], [m, 1, 3, 3], [m]], (p, _) => p[0].DepthwiseConv(p[1], p[2], grid));
                }
            }
        }
    }

    [Theory]
    [InlineData(CpuBackends.Managed, 1)]
    [InlineData(CpuBackends.OneDnnName, 1)]
    [InlineData(CpuBackends.Managed, 15)]
    [InlineData(CpuBackends.Managed, 16)]
    [InlineData(CpuBackends.Managed, 17)]
    [InlineData(CpuBackends.Managed, 65)]
    public void Results_equal_the_plain_loops(string backend, int m)
    {
        using IDisposable _ = CpuBackends.Use(backend);
        using TensorScope scope = new();
        foreach (TokenGrid grid in Grids)
        {
            foreach (bool depthwise in new[] { false, true })
            {
                int c = depthwise ? m : 7, n = grid.Count;
                float[] x = GradCheck.Numbers(new Rng(1), 2 * n * c), w = GradCheck.Numbers(new Rng(2), m * (depthwise ? 1 : c) * 9), bias = GradCheck.Numbers(new Rng(3), m);
                double[] expected = new double[2 * n * m];
                for (int b = 0; b < 2; b++) Reference.GridConv(x.AsSpan(b * n * c, n * c), grid, w, bias, depthwise ? c : 1, expected.AsSpan(b * n * m, n * m));
                Tensor input = Tensor.From(x, new Shape(2, n, c)), weight = Tensor.From(w, new Shape(m, depthwise ? 1 : c, 3, 3)), offset = Tensor.From(bias, new Shape(m));
                Tensor y = depthwise ? input.DepthwiseConv(weight, offset, grid) : input.GridConv(weight, offset, grid);
                ParityCase.AssertClose($"{(depthwise ? "depthwise " : "")}{grid}", expected, [.. y.ToArray().Select(v => (double)v)], 1e-5);
            }
        }
    }

    [Fact]
    public void A_token_ahead_of_the_grid_sees_itself_and_is_seen_by_none()
    {
        using TensorScope scope = new();
        TokenGrid grid = new(1, 2, 2);
        Tensor weight = Tensor.Full(new Shape(1, 1, 3, 3), 1);
        weight.Span[4] = 10;
        Tensor x = Tensor.From([7, 1, 2, 3, 4], new Shape(1, 5, 1));
        float[] expected = [70, 19, 28, 37, 46];
        Assert.Equal(expected, x.GridConv(weight, null, grid).ToArray());
        Assert.Equal(expected, x.DepthwiseConv(weight, null, grid).ToArray());
    }

    [Fact]
    public void A_frozen_kernel_keeps_nothing()
    {
        using TensorScope scope = new();
        using Tape tape = new(new Rng(0));
        using Parameter x = GradCheck.Uniform(new Rng(1), 2, 5, 6), full = GradCheck.Uniform(new Rng(2), 6, 6, 3, 3), depthwise = GradCheck.Uniform(new Rng(3), 6, 1, 3, 3);
        x.Trainable = true;
        Tensor input = tape.Watch(x).Scale(2);
        input.GridConv(full, null, new TokenGrid(1, 2, 2)).DepthwiseConv(depthwise, null, new TokenGrid(1, 2, 2));
        Assert.Equal(0, tape.KeptBytes);
        full.Trainable = true;
        input.GridConv(full, null, new TokenGrid(1, 2, 2));
        Assert.Equal(2 * 5 * 6 * sizeof(float), tape.KeptBytes);
    }

    [Fact]
    public void Shapes_must_agree()
    {
        using TensorScope scope = new();
        Tensor x = Tensor.Zeros(1, 4, 6);
        Assert.Equal("GridConv: x must be [B, P + 3x2, C]; got x [1, 4, 6].", Assert.Throws<ArgumentException>(() => x.GridConv(Tensor.Zeros(2, 6, 3, 3), null, new TokenGrid(1, 3, 2))).Message);
        Assert.StartsWith("GridConv: weight must be [M, C, 3, 3]", Assert.Throws<ArgumentException>(() => x.GridConv(Tensor.Zeros(2, 5, 3, 3), null, new TokenGrid(1, 2, 2))).Message);
        foreach (Tensor weight in (Tensor[])[Tensor.Zeros(2, 6, 9), Tensor.Zeros(2, 6, 5, 3), Tensor.Zeros(2, 6, 3, 1)])
            Assert.StartsWith("GridConv: weight must be [M, C, 3, 3]", Assert.Throws<ArgumentException>(() => x.GridConv(weight, null, new TokenGrid(1, 2, 2))).Message);
        Assert.StartsWith("DepthwiseConv: weight must be [M, 1, 3, 3]", Assert.Throws<ArgumentException>(() => x.DepthwiseConv(Tensor.Zeros(6, 6, 3, 3), null, new TokenGrid(1, 2, 2))).Message);
        Assert.StartsWith("DepthwiseConv: bias must have 6 numbers", Assert.Throws<ArgumentException>(() => x.DepthwiseConv(Tensor.Zeros(6, 1, 3, 3), Tensor.Zeros(5), new TokenGrid(1, 2, 2))).Message);
    }
}
