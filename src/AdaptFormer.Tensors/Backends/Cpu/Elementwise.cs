using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using AdaptFormer.Tensors.Backends.Cpu.Simd;

namespace AdaptFormer.Tensors.Backends.Cpu;

/// <summary>Sums, products and scalings of whole arrays. Outputs may alias inputs exactly, never partly.</summary>
internal static unsafe class Elementwise
{
    // Long enough to amortise the horizontal sum, short enough that a lane adds few terms in single precision.
    private const long BlockLength = 4096;

    /// <summary>y = a + b.</summary>
    public static void Add(float* a, float* b, float* y, long n) =>
        Map.Run(default(Sum), (nint)a, DataType.Float32, (nint)b, DataType.Float32, (nint)y, DataType.Float32, n);

    /// <summary>y += scale·x.</summary>
    public static void AddInto(float* y, nint x, DataType xType, float scale, long n) =>
        Map.Run(new ScaledSum(scale), (nint)y, DataType.Float32, x, xType, (nint)y, DataType.Float32, n);

    /// <summary>y = s·x.</summary>
    public static void Scale(nint x, DataType xt, float s, nint y, DataType yt, long n) => Map.Run(new Factor(s), x, xt, y, yt, n);

    /// <summary>y = a∘b.</summary>
    public static void Multiply(float* a, float* b, float* y, long n) =>
        Map.Run(default(Product), (nint)a, DataType.Float32, (nint)b, DataType.Float32, (nint)y, DataType.Float32, n);

    /// <summary>y += a∘b.</summary>
    public static void MultiplyInto(float* y, float* a, float* b, long n)
    {
        if (Vector512.IsHardwareAccelerated) MultiplyInto<Simd512>(y, a, b, n);
        else if (Vector256.IsHardwareAccelerated) MultiplyInto<Simd256>(y, a, b, n);
        else MultiplyInto<Simd128>(y, a, b, n);
    }

    /// <summary>Σ a[i]·b[i]: blocks in single precision, their sums in double.</summary>
    public static double Dot(float* a, float* b, long n)
    {
        double sum = 0;
        for (long start = 0; start < n; start += BlockLength)
        {
            long length = Math.Min(BlockLength, n - start);
            if (Vector512.IsHardwareAccelerated) sum += DotBlock<Simd512>(a + start, b + start, length);
            else if (Vector256.IsHardwareAccelerated) sum += DotBlock<Simd256>(a + start, b + start, length);
            else sum += DotBlock<Simd128>(a + start, b + start, length);
        }

        return sum;
    }

    /// <summary>Whether no element is NaN or infinite.</summary>
    public static bool AllFinite(nint x, DataType t, long n)
    {
        for (long start = 0; start < n; start += BlockLength)
        {
            long length = Math.Min(BlockLength, n - start);
            nint block = x + (nint)(start * t.Size());
            float zero;
            if (Vector512.IsHardwareAccelerated) zero = ZeroIfFinite<Simd512>(block, t, length);
            else if (Vector256.IsHardwareAccelerated) zero = ZeroIfFinite<Simd256>(block, t, length);
            else zero = ZeroIfFinite<Simd128>(block, t, length);
            if (float.IsNaN(zero)) return false;
        }

        return true;
    }

    [MethodImpl(Hot.Loop)]
    private static void MultiplyInto<V>(float* y, float* a, float* b, long n)
        where V : struct, ISimd<V>
    {
        long i = 0;
        for (; i <= n - V.Count; i += V.Count) V.Store(V.MultiplyAdd(V.Load(a + i), V.Load(b + i), V.Load(y + i)), y + i);
        if (i < n)
        {
            int rest = (int)(n - i);
            V left = V.LoadPartial(a + i, rest, V.Zero);
            V right = V.LoadPartial(b + i, rest, V.Zero);
            V.StorePartial(V.MultiplyAdd(left, right, V.LoadPartial(y + i, rest, V.Zero)), y + i, rest);
        }
    }

    [MethodImpl(Hot.Loop)]
    private static float DotBlock<V>(float* a, float* b, long n)
        where V : struct, ISimd<V>
    {
        V s0 = V.Zero, s1 = V.Zero, s2 = V.Zero, s3 = V.Zero;    // four chains hide the latency of the additions
        long i = 0;
        for (; i <= n - (4 * V.Count); i += 4 * V.Count)
        {
            s0 = V.MultiplyAdd(V.Load(a + i), V.Load(b + i), s0);
            s1 = V.MultiplyAdd(V.Load(a + i + V.Count), V.Load(b + i + V.Count), s1);
            s2 = V.MultiplyAdd(V.Load(a + i + (2 * V.Count)), V.Load(b + i + (2 * V.Count)), s2);
            s3 = V.MultiplyAdd(V.Load(a + i + (3 * V.Count)), V.Load(b + i + (3 * V.Count)), s3);
        }

        for (; i <= n - V.Count; i += V.Count) s0 = V.MultiplyAdd(V.Load(a + i), V.Load(b + i), s0);
        if (i < n)
        {
            int rest = (int)(n - i);
            s1 = V.MultiplyAdd(V.LoadPartial(a + i, rest, V.Zero), V.LoadPartial(b + i, rest, V.Zero), s1);
        }

        return V.Sum(s0 + s1 + (s2 + s3));
    }

    private static float ZeroIfFinite<V>(nint x, DataType t, long n)
        where V : struct, ISimd<V> =>
        t == DataType.Float32 ? ZeroIfFinite<V, Float32Element>(x, n) : ZeroIfFinite<V, BFloat16Element>(x, n);

    // 0·x is 0 for every finite x and NaN for the others, and a NaN stays in the sum.
    [MethodImpl(Hot.Loop)]
    private static float ZeroIfFinite<V, T>(nint x, long n)
        where V : struct, ISimd<V>
        where T : struct, IElement
    {
        V sum = V.Zero;
        long i = 0;
        for (; i <= n - V.Count; i += V.Count) sum = V.MultiplyAdd(T.Load<V>(x, i), V.Zero, sum);
        if (i < n) sum = V.MultiplyAdd(T.LoadPartial(x, i, (int)(n - i), V.Zero), V.Zero, sum);
        return V.Sum(sum);
    }

    private readonly struct Sum : IMap2
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Apply<V>(V a, V b)
            where V : struct, ISimd<V> => a + b;
    }

    private readonly struct Product : IMap2
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Apply<V>(V a, V b)
            where V : struct, ISimd<V> => a * b;
    }

    private readonly struct ScaledSum(float scale) : IMap2
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Apply<V>(V a, V b)
            where V : struct, ISimd<V> => V.MultiplyAdd(b, V.Create(scale), a);
    }

    private readonly struct Factor(float s) : IMap
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Apply<V>(V x)
            where V : struct, ISimd<V> => x * V.Create(s);
    }
}
