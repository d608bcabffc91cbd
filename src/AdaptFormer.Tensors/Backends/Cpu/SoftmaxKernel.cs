using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using AdaptFormer.Tensors.Backends.Cpu.Simd;

namespace AdaptFormer.Tensors.Backends.Cpu;

/// <summary>
/// Softmax over the rows of a matrix of attention scores. Leading dimensions (<c>ld</c>) are elements from one row to the next;
/// elements between <c>n</c> and the leading dimension are neither read nor written. A NaN, a +∞ or a row of −∞ gives a row of NaN.
/// </summary>
internal static unsafe class SoftmaxKernel
{
    private const int StackFloats = 4096;

    /// <summary>p = softmax(scale·s + bias), row by row.</summary>
    /// <param name="s">[rows, n] scores.</param>
    /// <param name="ld">Leading dimension of s.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="n">Numbers in a row.</param>
    /// <param name="scale">Factor on the scores.</param>
    /// <param name="bias">[rows, n], none if null.</param>
    /// <param name="ldBias">Leading dimension of bias.</param>
    /// <param name="p">[rows, n]; may be s in f32 with the same leading dimension.</param>
    /// <param name="pt">Type of p.</param>
    /// <param name="ldP">Leading dimension of p.</param>
    public static void Forward(float* s, int ld, int rows, int n, float scale, float* bias, int ldBias, nint p, DataType pt, int ldP)
    {
        if (n <= 0) return;

        // A bf16 row needs its exponentials in f32 until their sum is known.
        bool heap = pt != DataType.Float32 && n > StackFloats;
        float* stack = stackalloc float[pt == DataType.Float32 || heap ? 1 : n];
        float* buffer = heap ? (float*)NativeMemory.Alloc((nuint)n, sizeof(float)) : stack;
        try
        {
            for (int row = 0; row < rows; row++)
            {
                float* sRow = s + ((long)row * ld);
                float* biasRow = bias == null ? null : bias + ((long)row * ldBias);
                nint pRow = p + (nint)((long)row * ldP * pt.Size());
                float* exponentials = pt == DataType.Float32 ? (float*)pRow : buffer;
                if (Vector512.IsHardwareAccelerated) ForwardRow<Simd512>(sRow, n, scale, biasRow, exponentials, pRow, pt);
                else if (Vector256.IsHardwareAccelerated) ForwardRow<Simd256>(sRow, n, scale, biasRow, exponentials, pRow, pt);
                else ForwardRow<Simd128>(sRow, n, scale, biasRow, exponentials, pRow, pt);
            }
        }
        finally
        {
            if (heap) NativeMemory.Free(buffer);
        }
    }

    /// <summary>ds = scale·p∘(dp − Σ dp∘p), row by row: the gradient of the scores.</summary>
    /// <param name="p">[rows, n], the output of the forward pass.</param>
    /// <param name="pt">Type of p.</param>
    /// <param name="ldP">Leading dimension of p.</param>
    /// <param name="dp">[rows, n].</param>
    /// <param name="ldDp">Leading dimension of dp.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="n">Numbers in a row.</param>
    /// <param name="scale">The factor of the forward pass.</param>
    /// <param name="ds">[rows, n]; may be dp in f32 with the same leading dimension.</param>
    /// <param name="dst">Type of ds.</param>
    /// <param name="ldDs">Leading dimension of ds.</param>
    public static void Backward(
        nint p, DataType pt, int ldP, float* dp, int ldDp, int rows, int n, float scale, nint ds, DataType dst, int ldDs)
    {
        for (int row = 0; row < rows; row++)
        {
            nint pRow = p + (nint)((long)row * ldP * pt.Size()), dsRow = ds + (nint)((long)row * ldDs * dst.Size());
            float* dpRow = dp + ((long)row * ldDp);
            if (Vector512.IsHardwareAccelerated) BackwardRow<Simd512>(pRow, pt, dpRow, n, scale, dsRow, dst);
            else if (Vector256.IsHardwareAccelerated) BackwardRow<Simd256>(pRow, pt, dpRow, n, scale, dsRow, dst);
            else BackwardRow<Simd128>(pRow, pt, dpRow, n, scale, dsRow, dst);
        }
    }

    private static void ForwardRow<V>(float* s, int n, float scale, float* bias, float* exponentials, nint p, DataType pt)
        where V : struct, ISimd<V>
    {
        float inverse = bias == null
            ? Exponentials<V, WithoutBias>(s, n, scale, bias, exponentials)
            : Exponentials<V, WithBias>(s, n, scale, bias, exponentials);
        Elementwise.Scale((nint)exponentials, DataType.Float32, inverse, p, pt, n);
    }

    // Writes e^(t − max t) and returns the inverse of their sum.
    [MethodImpl(Hot.Loop)]
    private static float Exponentials<V, TBias>(float* s, int n, float scale, float* bias, float* e)
        where V : struct, ISimd<V>
        where TBias : struct, IBias
    {
        V factor = V.Create(scale), lowest = V.Create(float.NegativeInfinity), max0 = lowest, max1 = lowest;
        int whole = n - (n % V.Count), rest = n - whole, i = 0;
        for (; i <= whole - (2 * V.Count); i += 2 * V.Count)
        {
            max0 = V.Max(TBias.Add(V.Load(s + i) * factor, bias, i), max0);
            max1 = V.Max(TBias.Add(V.Load(s + i + V.Count) * factor, bias, i + V.Count), max1);
        }

        if (i < whole) max0 = V.Max(TBias.Add(V.Load(s + i) * factor, bias, i), max0);
        V tail = lowest;
        if (rest > 0)
        {
            tail = TBias.AddPartial(V.LoadPartial(s + whole, rest, V.Zero) * factor, bias, whole, rest, lowest);
            max1 = V.Max(tail, max1);
        }

        V max = V.Create(V.MaxLane(V.Max(max0, max1)));
        V sum0 = V.Zero, sum1 = V.Zero;
        for (i = 0; i <= whole - (2 * V.Count); i += 2 * V.Count)
        {
            V e0 = VectorMath.ExpNonPositive(TBias.Add(V.Load(s + i) * factor, bias, i) - max);
            V e1 = VectorMath.ExpNonPositive(TBias.Add(V.Load(s + i + V.Count) * factor, bias, i + V.Count) - max);
            V.Store(e0, e + i);
            V.Store(e1, e + i + V.Count);
            sum0 += e0;
            sum1 += e1;
        }

        if (i < whole)
        {
            V e0 = VectorMath.ExpNonPositive(TBias.Add(V.Load(s + i) * factor, bias, i) - max);
            V.Store(e0, e + i);
            sum0 += e0;
        }

        if (rest > 0)
        {
            V e1 = VectorMath.ExpNonPositive(tail - max);    // 0 beyond the row
            V.StorePartial(e1, e + whole, rest);
            sum1 += e1;
        }

        return 1 / V.Sum(sum0 + sum1);
    }

    private static void BackwardRow<V>(nint p, DataType pt, float* dp, int n, float scale, nint ds, DataType dst)
        where V : struct, ISimd<V>
    {
        if (pt == DataType.Float32)
        {
            if (dst == DataType.Float32) BackwardRow<V, Float32Element, Float32Element>(p, dp, n, scale, ds);
            else BackwardRow<V, Float32Element, BFloat16Element>(p, dp, n, scale, ds);
        }
        else
        {
            if (dst == DataType.Float32) BackwardRow<V, BFloat16Element, Float32Element>(p, dp, n, scale, ds);
            else BackwardRow<V, BFloat16Element, BFloat16Element>(p, dp, n, scale, ds);
        }
    }

    [MethodImpl(Hot.Loop)]
    private static void BackwardRow<V, TP, TD>(nint p, float* dp, int n, float scale, nint ds)
        where V : struct, ISimd<V>
        where TP : struct, IElement
        where TD : struct, IElement
    {
        int whole = n - (n % V.Count), rest = n - whole, i = 0;
        V dot0 = V.Zero, dot1 = V.Zero;
        for (; i <= whole - (2 * V.Count); i += 2 * V.Count)
        {
            dot0 = V.MultiplyAdd(TP.Load<V>(p, i), V.Load(dp + i), dot0);
            dot1 = V.MultiplyAdd(TP.Load<V>(p, i + V.Count), V.Load(dp + i + V.Count), dot1);
        }

        if (i < whole) dot0 = V.MultiplyAdd(TP.Load<V>(p, i), V.Load(dp + i), dot0);
        V pTail = V.Zero, dpTail = V.Zero;
        if (rest > 0)
        {
            pTail = TP.LoadPartial(p, whole, rest, V.Zero);
            dpTail = V.LoadPartial(dp + whole, rest, V.Zero);
            dot1 = V.MultiplyAdd(pTail, dpTail, dot1);
        }

        V dot = V.Create(V.Sum(dot0 + dot1)), factor = V.Create(scale);
        for (i = 0; i < whole; i += V.Count) TD.Store(factor * TP.Load<V>(p, i) * (V.Load(dp + i) - dot), ds, i);
        if (rest > 0) TD.StorePartial(factor * pTail * (dpTail - dot), ds, whole, rest);
    }

    private interface IBias
    {
        static abstract V Add<V>(V x, float* bias, int i)
            where V : struct, ISimd<V>;

        // Lanes beyond count become fill.
        static abstract V AddPartial<V>(V x, float* bias, int i, int count, V fill)
            where V : struct, ISimd<V>;
    }

    private readonly struct WithoutBias : IBias
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Add<V>(V x, float* bias, int i)
            where V : struct, ISimd<V> => x;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V AddPartial<V>(V x, float* bias, int i, int count, V fill)
            where V : struct, ISimd<V> => V.SelectFirst(count, x, fill);
    }

    private readonly struct WithBias : IBias
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Add<V>(V x, float* bias, int i)
            where V : struct, ISimd<V> => x + V.Load(bias + i);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V AddPartial<V>(V x, float* bias, int i, int count, V fill)
            where V : struct, ISimd<V> => x + V.LoadPartial(bias + i, count, fill);
    }
}
