using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends.Cpu;
using AdaptFormer.Tensors.Backends.Cpu.Simd;
using BenchmarkDotNet.Attributes;

namespace AdaptFormer.Benchmarks;

/// <summary>The rearrangement of a frozen matrix into the layout of its library; a plain copy is the baseline.</summary>
public class PackingBenchmarks
{
    private NativeArray _w = null!, _copy = null!;

    [Params(DataType.Float32, DataType.BFloat16)]
    public DataType Type { get; set; }

    [ParamsSource(nameof(Shapes))]
    public ArrayShape Shape { get; set; } = null!;

    public static IEnumerable<ArrayShape> Shapes => [new("vit_b_mlp_fc1", 3072, 768)];

    [GlobalSetup]
    public void Setup() => (_w, _copy) = (new(DataType.Float32, Shape.Elements), new(DataType.Float32, Shape.Elements));

    [GlobalCleanup]
    public void Cleanup()
    {
        _w.Dispose();
        _copy.Dispose();
    }

    [Benchmark(Baseline = true)]
    public void Copy() => Converter.Copy(_w.Pointer, DataType.Float32, _copy.Pointer, Type, Shape.Elements);

    [Benchmark]
    public void Forward() => ManagedMatMul.Instance.Pack(Shape.Columns, Shape.Rows, _w.Pointer, Operand.Transposed(DataType.Float32, Shape.Columns), Type).Dispose();

    [Benchmark]
    public void Backward() => ManagedMatMul.Instance.Pack(Shape.Rows, Shape.Columns, _w.Pointer, Operand.Dense(DataType.Float32, Shape.Columns), Type).Dispose();
}
