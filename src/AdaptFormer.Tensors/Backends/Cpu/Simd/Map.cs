using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace AdaptFormer.Tensors.Backends.Cpu.Simd;

/// <summary>A function of one number, applied lane by lane.</summary>
internal interface IMap
{
    /// <summary>The result for <paramref name="x"/>.</summary>
    V Apply<V>(V x)
        where V : struct, ISimd<V>;
}

/// <summary>A function of two numbers, applied lane by lane.</summary>
internal interface IMap2
{
    /// <summary>The result for <paramref name="a"/> and <paramref name="b"/>.</summary>
    V Apply<V>(V a, V b)
        where V : struct, ISimd<V>;
}

/// <summary>
/// The loops behind all elementwise kernels: one per number of inputs, for every mix of storage types. Whole vectors first,
/// then one partial vector through the same arithmetic, so an element's result does not depend on where a caller cuts the
/// array. The output may be one of the inputs (same pointer and type).
/// </summary>
internal static unsafe class Map
{
    /// <summary>y[i] = op(x[i]).</summary>
    public static void Run<TOp>(TOp op, nint x, DataType xt, nint y, DataType yt, long n)
        where TOp : struct, IMap
    {
        if (Vector512.IsHardwareAccelerated) Run<TOp, Simd512>(op, x, xt, y, yt, n);
        else if (Vector256.IsHardwareAccelerated) Run<TOp, Simd256>(op, x, xt, y, yt, n);
        else Run<TOp, Simd128>(op, x, xt, y, yt, n);
    }

    /// <summary>y[i] = op(a[i], b[i]).</summary>
    public static void Run<TOp>(TOp op, nint a, DataType at, nint b, DataType bt, nint y, DataType yt, long n)
        where TOp : struct, IMap2
    {
        if (Vector512.IsHardwareAccelerated) Run2<TOp, Simd512>(op, a, at, b, bt, y, yt, n);
        else if (Vector256.IsHardwareAccelerated) Run2<TOp, Simd256>(op, a, at, b, bt, y, yt, n);
        else Run2<TOp, Simd128>(op, a, at, b, bt, y, yt, n);
    }

    private static void Run<TOp, V>(TOp op, nint x, DataType xt, nint y, DataType yt, long n)
        where TOp : struct, IMap
        where V : struct, ISimd<V>
    {
        if (xt == DataType.Float32)
        {
            if (yt == DataType.Float32) Loop<TOp, V, Float32Element, Float32Element>(op, x, y, n);
            else Loop<TOp, V, Float32Element, BFloat16Element>(op, x, y, n);
        }
        else
        {
            if (yt == DataType.Float32) Loop<TOp, V, BFloat16Element, Float32Element>(op, x, y, n);
            else Loop<TOp, V, BFloat16Element, BFloat16Element>(op, x, y, n);
        }
    }

    private static void Run2<TOp, V>(TOp op, nint a, DataType at, nint b, DataType bt, nint y, DataType yt, long n)
        where TOp : struct, IMap2
        where V : struct, ISimd<V>
    {
        if (at == DataType.Float32) Run2<TOp, V, Float32Element>(op, a, b, bt, y, yt, n);
        else Run2<TOp, V, BFloat16Element>(op, a, b, bt, y, yt, n);
    }

    private static void Run2<TOp, V, TA>(TOp op, nint a, nint b, DataType bt, nint y, DataType yt, long n)
        where TOp : struct, IMap2
        where V : struct, ISimd<V>
        where TA : struct, IElement
    {
        if (bt == DataType.Float32)
        {
            if (yt == DataType.Float32) Loop<TOp, V, TA, Float32Element, Float32Element>(op, a, b, y, n);
            else Loop<TOp, V, TA, Float32Element, BFloat16Element>(op, a, b, y, n);
        }
        else
        {
            if (yt == DataType.Float32) Loop<TOp, V, TA, BFloat16Element, Float32Element>(op, a, b, y, n);
            else Loop<TOp, V, TA, BFloat16Element, BFloat16Element>(op, a, b, y, n);
        }
    }

    [MethodImpl(Hot.Loop)]
    private static void Loop<TOp, V, TX, TY>(TOp op, nint x, nint y, long n)
        where TOp : struct, IMap
        where V : struct, ISimd<V>
        where TX : struct, IElement
        where TY : struct, IElement
    {
        long i = 0;
        for (; i <= n - V.Count; i += V.Count) TY.Store(op.Apply(TX.Load<V>(x, i)), y, i);
        if (i < n)
        {
            int rest = (int)(n - i);
            TY.StorePartial(op.Apply(TX.LoadPartial(x, i, rest, V.Zero)), y, i, rest);
        }
    }

    [MethodImpl(Hot.Loop)]
    private static void Loop<TOp, V, TA, TB, TY>(TOp op, nint a, nint b, nint y, long n)
        where TOp : struct, IMap2
        where V : struct, ISimd<V>
        where TA : struct, IElement
        where TB : struct, IElement
        where TY : struct, IElement
    {
        long i = 0;
        for (; i <= n - V.Count; i += V.Count) TY.Store(op.Apply(TA.Load<V>(a, i), TB.Load<V>(b, i)), y, i);
        if (i < n)
        {
            int rest = (int)(n - i);
            V result = op.Apply(TA.LoadPartial(a, i, rest, V.Zero), TB.LoadPartial(b, i, rest, V.Zero));
            TY.StorePartial(result, y, i, rest);
        }
    }
}
