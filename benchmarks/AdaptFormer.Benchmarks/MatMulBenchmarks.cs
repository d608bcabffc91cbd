using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;
using AdaptFormer.Tensors.Backends.Cpu;
using AdaptFormer.Tensors.Backends.OneDnn;
using BenchmarkDotNet.Attributes;

namespace AdaptFormer.Benchmarks;

/// <summary>The products of a vision transformer, one image of 197 tokens on one thread; oneDNN, where it is found, is the baseline.</summary>
public class MatMulBenchmarks
{
    private const DataType F32 = DataType.Float32, Bf16 = DataType.BFloat16;
    private NativeArray _a = null!, _b = null!, _bias = null!, _c = null!;
    private MatMulPlan _managed = null!;
    private MatMulPlan? _native;
    private PackedMatrix? _managedB, _nativeB;

    [ParamsSource(nameof(Shapes))]
    public MatMulShape Shape { get; set; } = null!;

    public static IEnumerable<MatMulShape> Shapes
    {
        get
        {
            yield return new("vit_b_qkv", Frozen(197, 768, 2304));
            yield return new("vit_b_proj", Frozen(197, 768, 768));
            yield return new("vit_b_mlp_fc1", Frozen(197, 768, 3072));
            yield return new("vit_b_mlp_fc1_gelu", Frozen(197, 768, 3072) with { Epilogue = Epilogue.Gelu });
            yield return new("vit_b_mlp_fc1_bf16", Frozen(197, 768, 3072, Bf16));
            yield return new("vit_b_mlp_fc2_residual", Frozen(197, 3072, 768) with { Accumulate = true });
            yield return new("deit_tiny_mlp_fc1", Frozen(197, 192, 768));
            yield return new("adapter_down", Trained(197, 768, 64));
            yield return new("adapter_up", Trained(197, 64, 768) with { Accumulate = true, Scale = 0.1f });
            yield return new("adapter_down_dw", new(1, 64, 768, 3152, Operand.Transposed(F32, 64), Operand.Dense(F32, 768), Operand.Dense(F32, 768), Accumulate: true));
            Operand qkv = new(F32, 2304, 1, 64), scores = new(F32, 208, 1, 197 * 208);
            yield return new("attention_scores", new(12, 197, 197, 64, qkv, new(F32, 1, 2304, 64), scores));
            yield return new("attention_values", new(12, 197, 64, 197, scores, qkv, new(F32, 768, 1, 64)));
        }
    }

    [GlobalSetup]
    public void Setup()
    {
        MatMulKey key = Shape.Key;
        _a = new NativeArray(key.A.Type, Extent(key.A, key.Batch, key.M, key.K));
        _b = new NativeArray(F32, Extent(key.B, key.Batch, key.K, key.N));
        _bias = new NativeArray(F32, key.N);
        _c = new NativeArray(key.C.Type, Extent(key.C, key.Batch, key.M, key.N));
        _managed = ManagedMatMul.Instance.Plan(key);
        OneDnnMatMul? oneDnn = OneDnn.Create(ManagedMatMul.Instance);
        _native = oneDnn?.Plan(key);
        if (!key.PackedB) return;
        _managedB = ManagedMatMul.Instance.Pack(key.K, key.N, _b.Pointer, Operand.Transposed(F32, key.K), key.B.Type);
        _nativeB = oneDnn?.Pack(key.K, key.N, _b.Pointer, Operand.Transposed(F32, key.K), key.B.Type);
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _managedB?.Dispose();
        _nativeB?.Dispose();
        foreach (NativeArray array in (NativeArray[])[_a, _b, _bias, _c]) array.Dispose();
    }

    [Benchmark(Baseline = true)]
    public void OneDnnLibrary()
    {
        if (_native is null) throw new PlatformNotSupportedException(OneDnn.Why);
        _native.Run(Worker.Current, _a.Pointer, _nativeB?.Pointer ?? _b.Pointer, Shape.Key.Bias ? _bias.Pointer : 0, _c.Pointer);
    }

    [Benchmark]
    public void Managed() =>
        _managed.Run(Worker.Current, _a.Pointer, _managedB?.Pointer ?? _b.Pointer, Shape.Key.Bias ? _bias.Pointer : 0, _c.Pointer);

    private static MatMulKey Frozen(int m, int i, int o, DataType type = F32) =>
        new(1, m, o, i, Operand.Dense(type, i), Operand.Transposed(type, i), Operand.Dense(type, o), PackedB: true, Bias: true);

    private static MatMulKey Trained(int m, int i, int o) => Frozen(m, i, o) with { PackedB = false };

    private static long Extent(Operand x, int batch, int rows, int columns) =>
        ((batch - 1) * x.BatchStride) + ((rows - 1) * x.RowStride) + ((columns - 1) * x.ColumnStride) + 1;
}
