using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;
using AdaptFormer.Tensors.Backends.Cpu;
using AdaptFormer.Tensors.Backends.Cpu.Simd;
using AdaptFormer.Tensors.Ops;
using BenchmarkDotNet.Attributes;

namespace AdaptFormer.Benchmarks;

/// <summary>Kernels that know where tokens lie: the depthwise convolution of an adapter, and Swin's windows; a plain copy is the baseline.</summary>
public unsafe class GridBenchmarks
{
    private const int Side = 14, WindowSide = 7, WindowTokens = WindowSide * WindowSide, Heads = 4;
    private static readonly TokenGrid Window = new(1, WindowSide, WindowSide);
    private readonly int[] _tokens = [.. Enumerable.Range(0, WindowTokens).Select(i => (i / WindowSide * Side) + (i % WindowSide))];
    private GridTaps _taps;
    private WindowRows _rows;
    private NativeArray _x = null!, _y = null!, _w = null!, _table = null!, _bias = null!;

    [ParamsSource(nameof(Shapes))]
    public ArrayShape Shape { get; set; } = null!;

    public static IEnumerable<ArrayShape> Shapes => [new("bottleneck_64_of_14x14", Side * Side, 64)];

    [GlobalSetup]
    public void Setup()
    {
        int rowBytes = Shape.Columns * sizeof(float);
        _taps = GridTaps.Of(new TokenGrid(1, Side, Side), Shape.Rows);
        _rows = new WindowRows(rowBytes, rowBytes, Parts: 1, Offset: 0, rowBytes);
        (_x, _y, _w) = (Floats(Shape.Elements), Floats(Shape.Elements), Floats(GridTaps.Count * Shape.Columns));
        (_table, _bias) = (Floats(WindowLayout.TableRowsOf(Window) * Heads), Floats(WindowTokens * WindowTokens));
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        foreach (NativeArray array in (NativeArray[])[_x, _y, _w, _table, _bias]) array.Dispose();
    }

    [Benchmark(Baseline = true)]
    public void Copy() => Converter.Copy(_x.Pointer, DataType.Float32, _y.Pointer, DataType.Float32, Shape.Elements);

    [Benchmark]
    public void Depthwise() => DepthwiseKernel.Forward(_x.Floats, _taps, _w.Floats, null, mirrored: false, Shape.Columns, _y.Floats);

    [Benchmark]
    public void DepthwiseBackwardWeight() => DepthwiseKernel.BackwardWeight(_x.Floats, _taps, _y.Floats, Shape.Columns, _w.Floats);

    /// <summary>One window's 49 tokens out of the grid.</summary>
    [Benchmark]
    public void GatherWindow() => _rows.Gather(_x.Pointer, _x.Pointer, _tokens, _y.Pointer);

    [Benchmark]
    public void ScatterWindow() => _rows.Scatter(_x.Pointer, _tokens, _y.Pointer);

    /// <summary>The bias of one head, 49 by 49.</summary>
    [Benchmark]
    public void RelativeBiasExpand() => RelativeBias.Expand(_table.Floats, Heads, 1, Window, WindowTokens, _bias.Floats);

    [Benchmark]
    public void RelativeBiasCollect() => RelativeBias.Collect(_bias.Floats, Window, WindowTokens, _table.Floats, Heads, 1);

    private static NativeArray Floats(int count) => new(DataType.Float32, count);
}
