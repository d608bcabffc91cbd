using System.Runtime.CompilerServices;

namespace AdaptFormer.Tensors.Backends.Cpu.Simd;

/// <summary>Copies between storage types. To bfloat16 the nearest number is taken, the even one of two equally near; NaN stays
/// NaN.</summary>
internal static unsafe class Converter
{
    /// <summary>dst[i] = src[i] for i in [0, <paramref name="n"/>). The arrays do not overlap.</summary>
    public static void Copy(nint src, DataType srcType, nint dst, DataType dstType, long n)
    {
        if (srcType == dstType)
        {
            long bytes = n * srcType.Size();
            Buffer.MemoryCopy((void*)src, (void*)dst, bytes, bytes);
        }
        else
        {
            Map.Run(default(Identity), src, srcType, dst, dstType, n);
        }
    }

    /// <summary>The value of a bfloat16 number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float ToSingle(ushort x) => BitConverter.UInt32BitsToSingle((uint)x << 16);

    /// <summary>The bfloat16 number nearest to <paramref name="x"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ushort ToBFloat16(float x)
    {
        uint bits = BitConverter.SingleToUInt32Bits(x);
        if (float.IsNaN(x)) return (ushort)((bits >> 16) | 0x40);
        return (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }

    private readonly struct Identity : IMap
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Apply<V>(V x)
            where V : struct, ISimd<V> => x;
    }
}
