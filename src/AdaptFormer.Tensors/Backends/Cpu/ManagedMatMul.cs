using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using AdaptFormer.Tensors.Backends.Cpu.Simd;
using AdaptFormer.Tensors.Memory;

namespace AdaptFormer.Tensors.Backends.Cpu;

/// <summary>
/// Matrix products by our own SIMD kernels: always there, for any strides and mix of types, on every processor.
/// Products of bfloat16 operands are summed in f32; they save memory, not time.
/// </summary>
internal sealed class ManagedMatMul : MatMulLibrary
{
    private readonly ConcurrentDictionary<MatMulKey, MatMulPlan> _plans = new();

    private ManagedMatMul()
    {
    }

    /// <summary>The only instance; its state is a cache of plans.</summary>
    public static ManagedMatMul Instance { get; } = new();

    /// <inheritdoc/>
    public override string Name => Use512 ? Label<Simd512>() : Vector256.IsHardwareAccelerated ? Label<Simd256>() : Label<Simd128>();

    /// <inheritdoc/>
    public override bool FastBFloat16 => false;

    // Vector512 reports no acceleration on processors that clock down under it; for a product twice the width still pays.
    private static bool Use512 => Avx512F.IsSupported;

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">C's column stride is not 1.</exception>
    public override MatMulPlan Plan(in MatMulKey key) =>
        _plans.TryGetValue(key, out MatMulPlan? plan) ? plan : _plans.GetOrAdd(key, Make(key));

    /// <inheritdoc/>
    public override unsafe PackedMatrix Pack(int k, int n, nint source, Operand layout, DataType type)
    {
        if (Use512) return Pack<Simd512>(k, n, source, layout, type);
        if (Vector256.IsHardwareAccelerated) return Pack<Simd256>(k, n, source, layout, type);
        return Pack<Simd128>(k, n, source, layout, type);
    }

    private static string Label<V>()
        where V : struct, ISimd<V> => $"managed {Gemm.InstructionSet<V>()}";

    private static MatMulPlan Make(in MatMulKey key)
    {
        if (key.C.ColumnStride != 1)
            throw new ArgumentException(
                $"MatMul: the column stride of C must be 1, got {key.C.ColumnStride}; transpose the product instead.", nameof(key));
        if (Use512) return new GemmPlan<Simd512>(key);
        if (Vector256.IsHardwareAccelerated) return new GemmPlan<Simd256>(key);
        return new GemmPlan<Simd128>(key);
    }

    private static unsafe Packed Pack<V>(int k, int n, nint source, Operand layout, DataType type)
        where V : struct, ISimd<V>
    {
        int width = Gemm.PanelWidth<V>();
        int panels = (n + width - 1) / width;
        Packed packed = new((long)panels * width * k * type.Size());
        float* panel = type == DataType.Float32 ? null : (float*)NativeMemory.Alloc((nuint)width * (nuint)k, sizeof(float));
        try
        {
            for (int i = 0; i < panels; i++)
            {
                nint from = source + (nint)(i * width * layout.ColumnStride * layout.Type.Size());
                nint to = packed.Pointer + (nint)((long)i * width * k * type.Size());
                float* target = panel == null ? (float*)to : panel;
                GemmPacking.Panel(from, layout.Type, layout.ColumnStride, layout.RowStride, Math.Min(width, n - (i * width)), width, k,
                    target);
                if (panel != null) Converter.Copy((nint)panel, DataType.Float32, to, type, (long)width * k);
            }
        }
        finally
        {
            NativeMemory.Free(panel);
        }

        return packed;
    }

    // Panels of B, one after the other: [panel][k][width], the last one padded with zero columns.
    private sealed unsafe class Packed : PackedMatrix
    {
        private void* _memory;

        public Packed(long bytes)
        {
            Bytes = bytes;
            _memory = (void*)SystemMemory.Allocate(bytes);
        }

        ~Packed() => Free();

        public override nint Pointer => (nint)_memory;

        public override long Bytes { get; }

        public override void Dispose()
        {
            Free();
            GC.SuppressFinalize(this);
        }

        private void Free()
        {
            if (_memory == null) return;
            SystemMemory.Free((nint)_memory, Bytes);
            _memory = null;
        }
    }
}
