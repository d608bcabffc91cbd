using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends.Cpu;
using AdaptFormer.Tensors.Backends.Cpu.Simd;
using BenchmarkDotNet.Attributes;

namespace AdaptFormer.Benchmarks;

/// <summary>Softmax over the attention scores of one head (f32 in, either type out); a plain copy is the baseline.</summary>
public unsafe class SoftmaxBenchmarks
{
    private const DataType F32 = DataType.Float32;
    private NativeArray _s = null!, _p = null!, _ds = null!;

    [Params(DataType.Float32, DataType.BFloat16)]
    public DataType Type { get; set; }

    [ParamsSource(nameof(Shapes))]
    public ArrayShape Shape { get; set; } = null!;

    public static IEnumerable<ArrayShape> Shapes => [new("vit_head", 197, 197), new("video_vit_head", 1568, 1568), new("swin_window", 49, 49)];

    [GlobalSetup]
    public void Setup() => (_s, _p, _ds) = (new(F32, Shape.Elements), new(Type, Shape.Elements), new(Type, Shape.Elements));

    [GlobalCleanup]
    public void Cleanup()
    {
        foreach (NativeArray array in (NativeArray[])[_s, _p, _ds]) array.Dispose();
    }

    [Benchmark(Baseline = true)]
    public void Copy() => Converter.Copy(_s.Pointer, F32, _p.Pointer, Type, Shape.Elements);

    [Benchmark]
    public void Forward() =>
        SoftmaxKernel.Forward(_s.Floats, Shape.Columns, Shape.Rows, Shape.Columns, 0.125f, null, 0, _p.Pointer, Type, Shape.Columns);

    [Benchmark]
    public void Backward() => SoftmaxKernel.Backward(
        _p.Pointer, Type, Shape.Columns, _s.Floats, Shape.Columns, Shape.Rows, Shape.Columns, 0.125f, _ds.Pointer, Type, Shape.Columns);
}
