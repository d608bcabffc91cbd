using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;
using AdaptFormer.Tensors.Backends.Cpu;
using AdaptFormer.Tensors.Backends.Cpu.Simd;
using AdaptFormer.Tensors.Ops;
using BenchmarkDotNet.Attributes;

namespace AdaptFormer.Benchmarks;

/// <summary>Losses with their gradients, over the logits of one picture; a plain copy is the baseline.</summary>
public unsafe class LossBenchmarks
{
    private static readonly AsymmetricLossSettings Asymmetric = new();
    private NativeArray _z = null!, _t = null!, _losses = null!, _gradient = null!;

    [ParamsSource(nameof(Shapes))]
    public ArrayShape Shape { get; set; } = null!;

    public static IEnumerable<ArrayShape> Shapes => [new("imagenet_classes", 1, 1000)];

    [GlobalSetup]
    public void Setup()
    {
        (_z, _t, _losses, _gradient) = (Floats(), Floats(), Floats(), Floats());
        for (int i = 0; i < Shape.Elements; i++) _t.Floats[i] = i == 3 ? 1 : 0;
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        foreach (NativeArray array in (NativeArray[])[_z, _t, _losses, _gradient]) array.Dispose();
    }

    [Benchmark(Baseline = true)]
    public void Copy() => Converter.Copy(_z.Pointer, DataType.Float32, _gradient.Pointer, DataType.Float32, Shape.Elements);

    [Benchmark]
    public float CrossEntropy() => LossKernel.SoftmaxCrossEntropy(_z.Floats, _t.Floats, Shape.Columns, _gradient.Floats);

    [Benchmark]
    public void BinaryCrossEntropy() => LossKernel.BinaryCrossEntropy(_z.Floats, _t.Floats, Shape.Elements, _losses.Floats, _gradient.Floats);

    [Benchmark]
    public void AsymmetricLoss() => LossKernel.Asymmetric(_z.Floats, _t.Floats, Shape.Elements, Asymmetric, _losses.Floats, _gradient.Floats);

    private NativeArray Floats() => new(DataType.Float32, Shape.Elements);
}
