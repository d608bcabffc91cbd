using System.Runtime.CompilerServices;

namespace AdaptFormer.Tensors.Backends.Cpu.Simd;

/// <summary>How a kernel reads and writes one storage type; arithmetic is always in single precision.</summary>
internal unsafe interface IElement
{
    /// <summary>Bytes of one element.</summary>
    static abstract int Size { get; }

    /// <summary>Reads a vector that starts at element <paramref name="i"/>.</summary>
    static abstract V Load<V>(nint p, long i)
        where V : struct, ISimd<V>;

    /// <summary>Writes a vector that starts at element <paramref name="i"/>.</summary>
    static abstract void Store<V>(V x, nint p, long i)
        where V : struct, ISimd<V>;

    /// <summary>Reads <paramref name="count"/> lanes (1 to Count−1), the others are <paramref name="fill"/>'s.</summary>
    static abstract V LoadPartial<V>(nint p, long i, int count, V fill)
        where V : struct, ISimd<V>;

    /// <summary>Writes the first <paramref name="count"/> lanes (1 to Count−1).</summary>
    static abstract void StorePartial<V>(V x, nint p, long i, int count)
        where V : struct, ISimd<V>;
}

/// <summary>Elements of <see cref="DataType.Float32"/>.</summary>
internal readonly unsafe struct Float32Element : IElement
{
    public static int Size => 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Load<V>(nint p, long i)
        where V : struct, ISimd<V> => V.Load((float*)p + i);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<V>(V x, nint p, long i)
        where V : struct, ISimd<V> => V.Store(x, (float*)p + i);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V LoadPartial<V>(nint p, long i, int count, V fill)
        where V : struct, ISimd<V> => V.LoadPartial((float*)p + i, count, fill);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StorePartial<V>(V x, nint p, long i, int count)
        where V : struct, ISimd<V> => V.StorePartial(x, (float*)p + i, count);
}

/// <summary>Elements of <see cref="DataType.BFloat16"/>: the upper halves of floats.</summary>
internal readonly unsafe struct BFloat16Element : IElement
{
    public static int Size => 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Load<V>(nint p, long i)
        where V : struct, ISimd<V> => V.LoadBFloat16((ushort*)p + i);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<V>(V x, nint p, long i)
        where V : struct, ISimd<V> => V.StoreBFloat16(x, (ushort*)p + i);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V LoadPartial<V>(nint p, long i, int count, V fill)
        where V : struct, ISimd<V> => V.LoadPartialBFloat16((ushort*)p + i, count, fill);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StorePartial<V>(V x, nint p, long i, int count)
        where V : struct, ISimd<V> => V.StorePartialBFloat16(x, (ushort*)p + i, count);
}
