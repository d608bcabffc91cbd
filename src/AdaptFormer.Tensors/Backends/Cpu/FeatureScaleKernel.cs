using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using AdaptFormer.Tensors.Backends.Cpu.Simd;

namespace AdaptFormer.Tensors.Backends.Cpu;

/// <summary>One factor and one shift for each column of rows of <c>c</c> numbers, y = γ∘x + β, and the sums that their gradients
/// are.</summary>
internal static unsafe class FeatureScaleKernel
{
    /// <summary>y = γ∘x + β for each row.</summary>
    /// <param name="x">[rows, c].</param>
    /// <param name="xt">Type of x.</param>
    /// <param name="gamma">[c].</param>
    /// <param name="beta">[c], 0 if null.</param>
    /// <param name="y">[rows, c]; may be x if the types agree.</param>
    /// <param name="yt">Type of y.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="c">Numbers in a row.</param>
    public static void Forward(nint x, DataType xt, float* gamma, float* beta, nint y, DataType yt, long rows, int c)
    {
        if (Vector512.IsHardwareAccelerated) Forward<Simd512>(x, xt, gamma, beta, y, yt, rows, c);
        else if (Vector256.IsHardwareAccelerated) Forward<Simd256>(x, xt, gamma, beta, y, yt, rows, c);
        else Forward<Simd128>(x, xt, gamma, beta, y, yt, rows, c);
    }

    /// <summary>sum += Σ a∘b over the rows, first row first.</summary>
    /// <param name="a">[rows, c].</param>
    /// <param name="at">Type of a.</param>
    /// <param name="b">[rows, c].</param>
    /// <param name="bt">Type of b.</param>
    /// <param name="sum">[c].</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="c">Numbers in a row.</param>
    public static void SumProducts(nint a, DataType at, nint b, DataType bt, float* sum, long rows, int c)
    {
        if (Vector512.IsHardwareAccelerated) SumProducts<Simd512>(a, at, b, bt, sum, rows, c);
        else if (Vector256.IsHardwareAccelerated) SumProducts<Simd256>(a, at, b, bt, sum, rows, c);
        else SumProducts<Simd128>(a, at, b, bt, sum, rows, c);
    }

    private static void Forward<V>(nint x, DataType xt, float* gamma, float* beta, nint y, DataType yt, long rows, int c)
        where V : struct, ISimd<V>
    {
        for (long row = 0; row < rows; row++)
        {
            nint from = x + (nint)(row * c * xt.Size()), to = y + (nint)(row * c * yt.Size());
            if (xt == DataType.Float32)
            {
                if (yt == DataType.Float32) Row<V, Float32Element, Float32Element>(from, gamma, beta, to, c);
                else Row<V, Float32Element, BFloat16Element>(from, gamma, beta, to, c);
            }
            else
            {
                if (yt == DataType.Float32) Row<V, BFloat16Element, Float32Element>(from, gamma, beta, to, c);
                else Row<V, BFloat16Element, BFloat16Element>(from, gamma, beta, to, c);
            }
        }
    }

    [MethodImpl(Hot.Loop)]
    private static void Row<V, TX, TY>(nint x, float* gamma, float* beta, nint y, int c)
        where V : struct, ISimd<V>
        where TX : struct, IElement
        where TY : struct, IElement
    {
        int i = 0;
        for (; i <= c - V.Count; i += V.Count)
            TY.Store(V.MultiplyAdd(TX.Load<V>(x, i), V.Load(gamma + i), beta == null ? V.Zero : V.Load(beta + i)), y, i);
        if (i == c) return;
        int rest = c - i;
        V shift = beta == null ? V.Zero : V.LoadPartial(beta + i, rest, V.Zero);
        TY.StorePartial(V.MultiplyAdd(TX.LoadPartial(x, i, rest, V.Zero), V.LoadPartial(gamma + i, rest, V.Zero), shift), y, i, rest);
    }

    private static void SumProducts<V>(nint a, DataType at, nint b, DataType bt, float* sum, long rows, int c)
        where V : struct, ISimd<V>
    {
        if (at == DataType.Float32)
        {
            if (bt == DataType.Float32) Columns<V, Float32Element, Float32Element>(a, b, sum, rows, c);
            else Columns<V, Float32Element, BFloat16Element>(a, b, sum, rows, c);
        }
        else
        {
            if (bt == DataType.Float32) Columns<V, BFloat16Element, Float32Element>(a, b, sum, rows, c);
            else Columns<V, BFloat16Element, BFloat16Element>(a, b, sum, rows, c);
        }
    }

    [MethodImpl(Hot.Loop)]
    private static void Columns<V, TA, TB>(nint a, nint b, float* sum, long rows, int c)
        where V : struct, ISimd<V>
        where TA : struct, IElement
        where TB : struct, IElement
    {
        int j = 0;
        for (; j <= c - V.Count; j += V.Count)
        {
            V total = V.Load(sum + j);
            for (long row = 0, i = j; row < rows; row++, i += c) total = V.MultiplyAdd(TA.Load<V>(a, i), TB.Load<V>(b, i), total);
            V.Store(total, sum + j);
        }

        if (j == c) return;
        int rest = c - j;
        V last = V.LoadPartial(sum + j, rest, V.Zero);
        for (long row = 0, i = j; row < rows; row++, i += c)
            last = V.MultiplyAdd(TA.LoadPartial(a, i, rest, V.Zero), TB.LoadPartial(b, i, rest, V.Zero), last);
        V.StorePartial(last, sum + j, rest);
    }
}
