using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.Arm;
using AdaptFormer.Tensors.Backends.Cpu.Simd;

namespace AdaptFormer.Tensors.Backends.Cpu;

/// <summary>The sizes that follow from the vector width and the number of registers.</summary>
internal static class Gemm
{
    /// <summary>Rows of a tile of C: 12 (24 accumulators) with 32 registers, 6 (12 accumulators) with 16.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int TileRows<V>()
        where V : struct, ISimd<V> => typeof(V) == typeof(Simd512) || AdvSimd.Arm64.IsSupported ? 12 : 6;

    /// <summary>Columns of a tile of C and of a panel of B: two vectors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int PanelWidth<V>()
        where V : struct, ISimd<V> => 2 * V.Count;

    /// <summary>For reports.</summary>
    public static string InstructionSet<V>()
        where V : struct, ISimd<V>
    {
        if (typeof(V) == typeof(Simd512)) return "AVX-512";
        if (typeof(V) == typeof(Simd256)) return "AVX2";
        return AdvSimd.IsSupported ? "NEON" : System.Runtime.Intrinsics.Vector128.IsHardwareAccelerated ? "SSE" : "portable";
    }
}
