using System.Collections.Concurrent;
using AdaptFormer.Tensors.Backends.Cpu;

namespace AdaptFormer.Tensors.Backends.OneDnn;

/// <summary>
/// Matrix products by oneDNN, single-threaded per call. What oneDNN does not do, or would do with a scalar reference kernel,
/// goes to the fallback library and is listed in <see cref="Declined"/>.
/// </summary>
/// <remarks>
/// <para>A product split by rows gives the same bits as the whole, with one exception in oneDNN 3.x: a call with a single row
/// (M = 1) may sum in another order. A caller that splits rows must not leave a remainder of one.</para>
/// <para>Every distinct key costs a fraction of a millisecond and is kept. <see cref="MatMulKey.Scale"/> is part of the key, so
/// a scale that changes from step to step belongs in an operand, not here.</para>
/// <para>bf16 operands run here only where oneDNN has blocked kernels for them. Where it has none for f32
/// either, on CPUs before AVX-512, only strided products do: the fallback is as fast at dense ones, and its bits do not depend on the
/// split.</para>
/// </remarks>
internal sealed class OneDnnMatMul : MatMulLibrary
{
    private readonly OneDnnRuntime _runtime;
    private readonly MatMulLibrary _fallback;
    private readonly Lock _making = new();
    private readonly ConcurrentDictionary<MatMulKey, MatMulPlan> _plans = new();
    private readonly ConcurrentDictionary<(int K, int N, DataType Type), WeightLayout> _layouts = new();
    private readonly ConcurrentDictionary<string, byte> _declined = new();

    internal OneDnnMatMul(OneDnnRuntime runtime, MatMulLibrary fallback) => (_runtime, _fallback) = (runtime, fallback);

    /// <inheritdoc/>
    public override string Name => $"oneDNN {_runtime.Version}";

    /// <inheritdoc/>
    public override bool FastBFloat16 => BFloat16Speed.Of(_runtime.BFloat16Kernel, BFloat16Speed.Vendor).Faster;

    /// <summary>One line for each product left to the fallback library, with the reason.</summary>
    public IReadOnlyCollection<string> Declined => [.. _declined.Keys.Order(StringComparer.Ordinal)];

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The key contradicts itself: a size below 0, C without unit column stride, or packed B in a
    /// batch.</exception>
    public override MatMulPlan Plan(in MatMulKey key)
    {
        if (_plans.TryGetValue(key, out MatMulPlan? plan)) return plan;
        lock (_making)
        {
            if (!_plans.TryGetValue(key, out plan)) _plans[key] = plan = Create(key);
            return plan;
        }
    }

    /// <inheritdoc/>
    public override PackedMatrix Pack(int k, int n, nint source, Operand layout, DataType type)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(k);
        ArgumentOutOfRangeException.ThrowIfNegative(n);
        WeightLayout target = Layout(k, n, type);
        return target.IsBlocked
            ? OneDnnPackedMatrix.Pack(_runtime, target, k, n, source, layout)
            : _fallback.Pack(k, n, source, layout, type);
    }

    /// <inheritdoc/>
    public override unsafe ByteMatrix PackBytes(int k, int n, sbyte* codes) =>
        OneDnnByteMatrix.TryPack(_runtime, k, n, codes) ?? base.PackBytes(k, n, codes);

    private MatMulPlan Create(in MatMulKey key)
    {
        ThrowIfContradictory(key);
        if (key.Batch == 0 || key.M == 0 || key.N == 0) return NothingPlan.Instance;

        WeightLayout? packed = key.PackedB ? Layout(key.K, key.N, key.B.Type) : null;
        if (key.K == 0 || packed is { IsBlocked: false } || !KeepsBits(key)) return _fallback.Plan(key);

        string declined = "oneDNN has no product of these types";
        if (Supports(key) && OneDnnPlan.TryCreate(_runtime, key, packed, out declined) is { } plan) return plan;

        MatMulPlan instead = packed is null ? _fallback.Plan(key) : new UnpackingPlan(_runtime, key, packed, _fallback);
        _declined.TryAdd($"{OneDnnDescriptors.Text(key)}: {declined}; {instead.Implementation} runs it.", 0);
        return instead;
    }

    // Without blocked kernels the bits of a row depend on how many rows a call has, and callers split the rows of dense products by
    // threads. Strided products, which read attention's heads in place, are not split that way, and oneDNN is fast at them.
    private bool KeepsBits(in MatMulKey key) => _runtime.BlockedKernels || !OneDnnDescriptors.IsDense(key.B, key.K, key.N);

    private bool Supports(in MatMulKey key) =>
        key.A.Type == key.B.Type
        && (key.C.Type == key.A.Type || key.C.Type == DataType.Float32)
        && (key.A.Type == DataType.Float32 || _runtime.BlockedBFloat16);

    private WeightLayout Layout(int k, int n, DataType type)
    {
        if (_layouts.TryGetValue((k, n, type), out WeightLayout? layout)) return layout;
        lock (_making) // two answers would be two layouts: the same today, but nothing promises it
        {
            return _layouts.GetOrAdd((k, n, type), static (size, runtime) => WeightLayout.Choose(runtime, size.K, size.N, size.Type),
                _runtime);
        }
    }

    private static void ThrowIfContradictory(in MatMulKey key)
    {
        string? rule =
            key.Batch < 0 || key.M < 0 || key.N < 0 || key.K < 0 ? "sizes must not be negative"
            : key.C.ColumnStride != 1 && key.N > 1 ? "the column stride of C must be 1"
            : key.PackedB && key.Batch > 1 ? "a packed B takes no batch"
            : key.C.BatchStride == 0 && key.Batch > 1 ? "the matrices of C must not share memory"
            : null;
        if (rule is not null) throw new ArgumentException($"MatMul: {rule}; got {OneDnnDescriptors.Text(key)}.", nameof(key));
    }

    /// <summary>A product without elements: nothing to write, and oneDNN 2.x would divide by zero.</summary>
    private sealed class NothingPlan : MatMulPlan
    {
        public static readonly NothingPlan Instance = new();

        public override string Implementation => "nothing to do";

        public override void Run(Worker worker, nint a, nint b, nint bias, nint c)
        {
        }
    }
}
