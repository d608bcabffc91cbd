using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends.Cpu;
using AdaptFormer.Tensors.Backends.Cpu.Simd;
using BenchmarkDotNet.Attributes;

namespace AdaptFormer.Benchmarks;

/// <summary>Sums, factors, casts, dropout and reductions over the tokens of one image; a plain copy is the baseline.</summary>
public unsafe class RowBenchmarks
{
    private const DataType F32 = DataType.Float32;
    private NativeArray _x = null!, _other = null!, _sum = null!, _y = null!, _gamma = null!, _beta = null!;

    /// <summary>Of the activations; the residual stream that they meet is f32.</summary>
    [Params(DataType.Float32, DataType.BFloat16)]
    public DataType Type { get; set; }

    [ParamsSource(nameof(Shapes))]
    public ArrayShape Shape { get; set; } = null!;

    public static IEnumerable<ArrayShape> Shapes => [new("vit_b_tokens", 197, 768)];

    [GlobalSetup]
    public void Setup()
    {
        (_x, _y) = (new(Type, Shape.Elements), new(Type, Shape.Elements));
        (_other, _sum, _gamma, _beta) = (new(F32, Shape.Elements), new(F32, Shape.Elements), new(F32, Shape.Columns), new(F32, Shape.Columns));
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        foreach (NativeArray array in (NativeArray[])[_x, _other, _sum, _y, _gamma, _beta]) array.Dispose();
    }

    [Benchmark(Baseline = true)]
    public void Copy() => Converter.Copy(_x.Pointer, Type, _y.Pointer, Type, Shape.Elements);

    [Benchmark]
    public void Cast() => Converter.Copy(_other.Pointer, F32, _y.Pointer, Type, Shape.Elements);

    [Benchmark]
    public void Scale() => Elementwise.Scale(_x.Pointer, Type, 0.5f, _y.Pointer, Type, Shape.Elements);

    [Benchmark]
    public void Add() => Elementwise.Add(_other.Floats, _sum.Floats, _sum.Floats, Shape.Elements);

    [Benchmark]
    public void AddInto() => Elementwise.AddInto(_sum.Floats, _x.Pointer, Type, 1e-3f, Shape.Elements);

    [Benchmark]
    public void Multiply() => Elementwise.Multiply(_other.Floats, _other.Floats, _sum.Floats, Shape.Elements);

    [Benchmark]
    public double Dot() => Elementwise.Dot(_other.Floats, _sum.Floats, Shape.Elements);

    [Benchmark]
    public bool AllFinite() => Elementwise.AllFinite(_x.Pointer, Type, Shape.Elements);

    [Benchmark]
    public void Dropout() => DropoutKernel.Run(_x.Pointer, Type, key: 7, start: 0, rate: 0.1f, _y.Pointer, Type, Shape.Elements);

    /// <summary>The gradient of a bias.</summary>
    [Benchmark]
    public void SumRows() => Reduction.SumRows(_x.Pointer, Type, Shape.Rows, Shape.Columns, _gamma.Floats);

    /// <summary>SSF's scale and shift.</summary>
    [Benchmark]
    public void FeatureScale() => FeatureScaleKernel.Forward(_x.Pointer, Type, _gamma.Floats, _beta.Floats, _y.Pointer, Type, Shape.Rows, Shape.Columns);

    /// <summary>The gradient of SSF's scale.</summary>
    [Benchmark]
    public void SumProducts() => FeatureScaleKernel.SumProducts(_x.Pointer, Type, _y.Pointer, Type, _beta.Floats, Shape.Rows, Shape.Columns);
}
