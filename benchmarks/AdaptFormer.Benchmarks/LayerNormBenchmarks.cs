using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends.Cpu;
using AdaptFormer.Tensors.Backends.Cpu.Simd;
using BenchmarkDotNet.Attributes;

namespace AdaptFormer.Benchmarks;

/// <summary>Layer normalisation of the tokens of one image: f32 residual stream, either type beside it; a plain copy is the baseline.</summary>
public unsafe class LayerNormBenchmarks
{
    private const DataType F32 = DataType.Float32;
    private NativeArray _x = null!, _y = null!, _dx = null!, _gamma = null!, _beta = null!, _mean = null!, _rstd = null!;

    [Params(DataType.Float32, DataType.BFloat16)]
    public DataType Type { get; set; }

    [ParamsSource(nameof(Shapes))]
    public ArrayShape Shape { get; set; } = null!;

    public static IEnumerable<ArrayShape> Shapes => [new("vit_b_norm1", 197, 768), new("deit_tiny_norm1", 197, 192)];

    [GlobalSetup]
    public void Setup()
    {
        (_x, _y, _dx) = (new(F32, Shape.Elements), new(Type, Shape.Elements), new(F32, Shape.Elements));
        (_gamma, _beta, _mean, _rstd) = (new(F32, Shape.Columns), new(F32, Shape.Columns), new(F32, Shape.Rows), new(F32, Shape.Rows));
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        foreach (NativeArray array in (NativeArray[])[_x, _y, _dx, _gamma, _beta, _mean, _rstd]) array.Dispose();
    }

    [Benchmark(Baseline = true)]
    public void Copy() => Converter.Copy(_x.Pointer, F32, _y.Pointer, Type, Shape.Elements);

    [Benchmark]
    public void Forward() => LayerNormKernel.Forward(
        _x.Pointer, F32, _gamma.Floats, _beta.Floats, 1e-6f, _y.Pointer, Type, _mean.Floats, _rstd.Floats, Shape.Rows, Shape.Columns);

    [Benchmark]
    public void Backward() => LayerNormKernel.Backward(
        _x.Pointer, F32, _mean.Floats, _rstd.Floats, _gamma.Floats, _y.Pointer, Type, _dx.Floats, accumulate: false, Shape.Rows, Shape.Columns);

    [Benchmark]
    public void BackwardParams() => LayerNormKernel.BackwardParams(
        _x.Pointer, F32, _mean.Floats, _rstd.Floats, _y.Pointer, Type, _gamma.Floats, _beta.Floats, Shape.Rows, Shape.Columns);
}
