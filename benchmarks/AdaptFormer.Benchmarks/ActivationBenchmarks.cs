using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends.Cpu;
using AdaptFormer.Tensors.Backends.Cpu.Simd;
using BenchmarkDotNet.Attributes;

namespace AdaptFormer.Benchmarks;

/// <summary>Elementwise kernels over the activations of one image; a plain copy is the baseline.</summary>
public class ActivationBenchmarks
{
    private NativeArray _x = null!, _dy = null!, _y = null!, _code = null!;

    [Params(DataType.Float32, DataType.BFloat16)]
    public DataType Type { get; set; }

    [ParamsSource(nameof(Shapes))]
    public ArrayShape Shape { get; set; } = null!;

    public static IEnumerable<ArrayShape> Shapes => [new("vit_b_tokens", 197, 768), new("vit_b_mlp_hidden", 197, 3072)];

    [GlobalSetup]
    public void Setup() => (_x, _dy, _y, _code) = (new(Type, Shape.Elements), new(Type, Shape.Elements), new(Type, Shape.Elements), new(Type, Shape.Elements));

    [GlobalCleanup]
    public void Cleanup()
    {
        foreach (NativeArray array in (NativeArray[])[_x, _dy, _y, _code]) array.Dispose();
    }

    [Benchmark(Baseline = true)]
    public void Copy() => Converter.Copy(_x.Pointer, Type, _y.Pointer, Type, Shape.Elements);

    [Benchmark]
    public void Gelu() => Activation.Gelu(_x.Pointer, Type, _y.Pointer, Type, Shape.Elements);

    [Benchmark]
    public void GeluBackward() => Activation.GeluBackward(_x.Pointer, Type, _dy.Pointer, Type, _y.Pointer, Type, Shape.Elements);

    /// <summary>GELU that keeps its slope, as a training pass runs it.</summary>
    [Benchmark]
    public void GeluSlopeForward() => GeluSlope.Forward(_x.Pointer, Type, _y.Pointer, Type, _code.Pointer, CodeType, Shape.Elements);

    [Benchmark]
    public void GeluSlopeBackward() => GeluSlope.Backward(_code.Pointer, CodeType, _dy.Pointer, Type, _y.Pointer, Type, Shape.Elements);

    [Benchmark]
    public void Relu() => Activation.Relu(_x.Pointer, Type, _y.Pointer, Type, Shape.Elements);

    [Benchmark]
    public void Tanh() => Activation.Tanh(_x.Pointer, Type, _y.Pointer, Type, Shape.Elements);

    [Benchmark]
    public void Sigmoid() => Activation.Sigmoid(_x.Pointer, Type, _y.Pointer, Type, Shape.Elements);

    private DataType CodeType => Type == DataType.BFloat16 ? DataType.Code8 : DataType.Code16;
}
