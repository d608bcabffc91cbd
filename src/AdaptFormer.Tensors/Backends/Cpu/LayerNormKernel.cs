using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using AdaptFormer.Tensors.Backends.Cpu.Simd;

namespace AdaptFormer.Tensors.Backends.Cpu;

/// <summary>
/// Layer normalisation of rows of <c>c</c> numbers: x̂ = (x − mean)·rstd, y = x̂·γ + β, rstd = 1/√(variance + eps) with the
/// population variance taken about the mean in a second sweep. A row stays in the first-level cache for all sweeps.
/// </summary>
internal static unsafe class LayerNormKernel
{
    /// <summary>Normalises each row; keeps its mean and rstd where asked.</summary>
    /// <param name="x">[rows, c].</param>
    /// <param name="xt">Type of x.</param>
    /// <param name="gamma">[c], 1 if null.</param>
    /// <param name="beta">[c], 0 if null.</param>
    /// <param name="eps">Added to the variance.</param>
    /// <param name="y">[rows, c]; may be x if the types agree.</param>
    /// <param name="yt">Type of y.</param>
    /// <param name="mean">[rows], not wanted if null.</param>
    /// <param name="rstd">[rows], not wanted if null.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="c">Numbers in a row.</param>
    public static void Forward(
        nint x, DataType xt, float* gamma, float* beta, float eps, nint y, DataType yt, float* mean, float* rstd, long rows, int c)
    {
        if (Vector512.IsHardwareAccelerated) Forward<Simd512>(x, xt, gamma, beta, eps, y, yt, mean, rstd, rows, c);
        else if (Vector256.IsHardwareAccelerated) Forward<Simd256>(x, xt, gamma, beta, eps, y, yt, mean, rstd, rows, c);
        else Forward<Simd128>(x, xt, gamma, beta, eps, y, yt, mean, rstd, rows, c);
    }

    /// <summary>dx = (or +=) rstd·(g − mean(g) − x̂·mean(g∘x̂)), g = dy∘γ.</summary>
    /// <param name="x">[rows, c], the input of the forward pass.</param>
    /// <param name="xt">Type of x.</param>
    /// <param name="mean">[rows], from the forward pass.</param>
    /// <param name="rstd">[rows], from the forward pass.</param>
    /// <param name="gamma">[c], 1 if null.</param>
    /// <param name="dy">[rows, c].</param>
    /// <param name="dyt">Type of dy.</param>
    /// <param name="dx">[rows, c]; may be dy in f32.</param>
    /// <param name="accumulate">Adds to dx.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="c">Numbers in a row.</param>
    public static void Backward(
        nint x, DataType xt, float* mean, float* rstd, float* gamma, nint dy, DataType dyt, float* dx, bool accumulate, long rows, int c)
    {
        if (Vector512.IsHardwareAccelerated) Backward<Simd512>(x, xt, mean, rstd, gamma, dy, dyt, dx, accumulate, rows, c);
        else if (Vector256.IsHardwareAccelerated) Backward<Simd256>(x, xt, mean, rstd, gamma, dy, dyt, dx, accumulate, rows, c);
        else Backward<Simd128>(x, xt, mean, rstd, gamma, dy, dyt, dx, accumulate, rows, c);
    }

    /// <summary>dγ += Σ dy∘x̂ and dβ += Σ dy over the rows, first row first.</summary>
    /// <param name="x">[rows, c], the input of the forward pass.</param>
    /// <param name="xt">Type of x.</param>
    /// <param name="mean">[rows].</param>
    /// <param name="rstd">[rows].</param>
    /// <param name="dy">[rows, c].</param>
    /// <param name="dyt">Type of dy.</param>
    /// <param name="dgamma">[c].</param>
    /// <param name="dbeta">[c].</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="c">Numbers in a row.</param>
    public static void BackwardParams(
        nint x, DataType xt, float* mean, float* rstd, nint dy, DataType dyt, float* dgamma, float* dbeta, long rows, int c)
    {
        if (Vector512.IsHardwareAccelerated) BackwardParams<Simd512>(x, xt, mean, rstd, dy, dyt, dgamma, dbeta, rows, c);
        else if (Vector256.IsHardwareAccelerated) BackwardParams<Simd256>(x, xt, mean, rstd, dy, dyt, dgamma, dbeta, rows, c);
        else BackwardParams<Simd128>(x, xt, mean, rstd, dy, dyt, dgamma, dbeta, rows, c);
    }

    private static void Forward<V>(
        nint x, DataType xt, float* gamma, float* beta, float eps, nint y, DataType yt, float* mean, float* rstd, long rows, int c)
        where V : struct, ISimd<V>
    {
        for (long row = 0; row < rows; row++)
        {
            nint xRow = x + (nint)(row * c * xt.Size()), yRow = y + (nint)(row * c * yt.Size());
            float center, scale;
            if (xt == DataType.Float32)
            {
                Statistics<V, Float32Element>(xRow, c, eps, out center, out scale);
                if (yt == DataType.Float32) Normalize<V, Float32Element, Float32Element>(xRow, center, scale, gamma, beta, yRow, c);
                else Normalize<V, Float32Element, BFloat16Element>(xRow, center, scale, gamma, beta, yRow, c);
            }
            else
            {
                Statistics<V, BFloat16Element>(xRow, c, eps, out center, out scale);
                if (yt == DataType.Float32) Normalize<V, BFloat16Element, Float32Element>(xRow, center, scale, gamma, beta, yRow, c);
                else Normalize<V, BFloat16Element, BFloat16Element>(xRow, center, scale, gamma, beta, yRow, c);
            }

            if (mean != null) mean[row] = center;
            if (rstd != null) rstd[row] = scale;
        }
    }

    [MethodImpl(Hot.Loop)]
    private static void Statistics<V, TX>(nint x, int c, float eps, out float mean, out float rstd)
        where V : struct, ISimd<V>
        where TX : struct, IElement
    {
        int step = 4 * V.Count;
        V s0 = V.Zero, s1 = V.Zero, s2 = V.Zero, s3 = V.Zero;    // four chains hide the latency of the additions
        int i = 0;
        for (; i <= c - step; i += step)
        {
            s0 += TX.Load<V>(x, i);
            s1 += TX.Load<V>(x, i + V.Count);
            s2 += TX.Load<V>(x, i + (2 * V.Count));
            s3 += TX.Load<V>(x, i + (3 * V.Count));
        }

        for (; i <= c - V.Count; i += V.Count) s0 += TX.Load<V>(x, i);
        if (i < c) s1 += TX.LoadPartial(x, i, c - i, V.Zero);
        mean = V.Sum(s0 + s1 + (s2 + s3)) / c;

        V center = V.Create(mean);
        s0 = s1 = s2 = s3 = V.Zero;
        for (i = 0; i <= c - step; i += step)
        {
            V d0 = TX.Load<V>(x, i) - center, d1 = TX.Load<V>(x, i + V.Count) - center;
            V d2 = TX.Load<V>(x, i + (2 * V.Count)) - center, d3 = TX.Load<V>(x, i + (3 * V.Count)) - center;
            s0 = V.MultiplyAdd(d0, d0, s0);
            s1 = V.MultiplyAdd(d1, d1, s1);
            s2 = V.MultiplyAdd(d2, d2, s2);
            s3 = V.MultiplyAdd(d3, d3, s3);
        }

        for (; i <= c - V.Count; i += V.Count)
        {
            V d = TX.Load<V>(x, i) - center;
            s0 = V.MultiplyAdd(d, d, s0);
        }

        if (i < c)
        {
            V d = TX.LoadPartial(x, i, c - i, center) - center;    // the lanes beyond the row add nothing
            s1 = V.MultiplyAdd(d, d, s1);
        }

        rstd = 1 / MathF.Sqrt((V.Sum(s0 + s1 + (s2 + s3)) / c) + eps);
    }

    [MethodImpl(Hot.Loop)]
    private static void Normalize<V, TX, TY>(nint x, float mean, float rstd, float* gamma, float* beta, nint y, int c)
        where V : struct, ISimd<V>
        where TX : struct, IElement
        where TY : struct, IElement
    {
        V center = V.Create(mean), scale = V.Create(rstd), one = V.Create(1f);
        int i = 0;
        if (gamma != null && beta != null)
        {
            for (; i <= c - V.Count; i += V.Count)
            {
                V normal = (TX.Load<V>(x, i) - center) * scale;
                TY.Store(V.MultiplyAdd(normal, V.Load(gamma + i), V.Load(beta + i)), y, i);
            }
        }

        for (; i < c; i += V.Count)
        {
            int count = Math.Min(V.Count, c - i);
            bool whole = count == V.Count;
            V input = whole ? TX.Load<V>(x, i) : TX.LoadPartial(x, i, count, center);
            V factor = gamma == null ? one : whole ? V.Load(gamma + i) : V.LoadPartial(gamma + i, count, one);
            V shift = beta == null ? V.Zero : whole ? V.Load(beta + i) : V.LoadPartial(beta + i, count, V.Zero);
            V result = V.MultiplyAdd((input - center) * scale, factor, shift);
            if (whole) TY.Store(result, y, i);
            else TY.StorePartial(result, y, i, count);
        }
    }

    private static void Backward<V>(
        nint x, DataType xt, float* mean, float* rstd, float* gamma, nint dy, DataType dyt, float* dx, bool accumulate, long rows, int c)
        where V : struct, ISimd<V>
    {
        for (long row = 0; row < rows; row++)
        {
            nint xRow = x + (nint)(row * c * xt.Size()), dyRow = dy + (nint)(row * c * dyt.Size());
            float* dxRow = dx + (row * c);
            float center = mean[row], scale = rstd[row];
            if (xt == DataType.Float32)
            {
                if (dyt == DataType.Float32)
                    BackwardRow<V, Float32Element, Float32Element>(xRow, center, scale, gamma, dyRow, dxRow, accumulate, c);
                else BackwardRow<V, Float32Element, BFloat16Element>(xRow, center, scale, gamma, dyRow, dxRow, accumulate, c);
            }
            else
            {
                if (dyt == DataType.Float32)
                    BackwardRow<V, BFloat16Element, Float32Element>(xRow, center, scale, gamma, dyRow, dxRow, accumulate, c);
                else BackwardRow<V, BFloat16Element, BFloat16Element>(xRow, center, scale, gamma, dyRow, dxRow, accumulate, c);
            }
        }
    }

    [MethodImpl(Hot.Loop)]
    private static void BackwardRow<V, TX, TD>(nint x, float mean, float rstd, float* gamma, nint dy, float* dx, bool accumulate, int c)
        where V : struct, ISimd<V>
        where TX : struct, IElement
        where TD : struct, IElement
    {
        V center = V.Create(mean), scale = V.Create(rstd);
        V sum0 = V.Zero, sum1 = V.Zero, dot0 = V.Zero, dot1 = V.Zero;
        int i = 0;
        for (; i <= c - (2 * V.Count); i += 2 * V.Count)
        {
            V g0 = TD.Load<V>(dy, i), g1 = TD.Load<V>(dy, i + V.Count);
            if (gamma != null)
            {
                g0 *= V.Load(gamma + i);
                g1 *= V.Load(gamma + i + V.Count);
            }

            sum0 += g0;
            sum1 += g1;
            dot0 = V.MultiplyAdd(g0, TX.Load<V>(x, i) - center, dot0);
            dot1 = V.MultiplyAdd(g1, TX.Load<V>(x, i + V.Count) - center, dot1);
        }

        for (; i < c; i += V.Count)
        {
            (V normal, V g) = Terms<V, TX, TD>(x, center, gamma, dy, i, c);
            sum0 += g;
            dot0 = V.MultiplyAdd(g, normal, dot0);
        }

        // x̂·mean(g∘x̂) = (x − mean)·rstd²·mean(g∘(x − mean)).
        V meanG = V.Create(V.Sum(sum0 + sum1) / c), meanDot = V.Create(V.Sum(dot0 + dot1) / c * rstd * rstd);
        for (i = 0; i < c; i += V.Count)
        {
            (V normal, V g) = Terms<V, TX, TD>(x, center, gamma, dy, i, c);
            V result = scale * (g - meanG - (normal * meanDot));
            if (i <= c - V.Count)
            {
                if (accumulate) result += V.Load(dx + i);
                V.Store(result, dx + i);
            }
            else
            {
                if (accumulate) result += V.LoadPartial(dx + i, c - i, V.Zero);
                V.StorePartial(result, dx + i, c - i);
            }
        }
    }

    // x − mean and g = dy∘γ at one place of the row; both are zero in lanes beyond it.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (V Centered, V Gradient) Terms<V, TX, TD>(nint x, V center, float* gamma, nint dy, int i, int c)
        where V : struct, ISimd<V>
        where TX : struct, IElement
        where TD : struct, IElement
    {
        if (i <= c - V.Count)
        {
            V g = TD.Load<V>(dy, i);
            return (TX.Load<V>(x, i) - center, gamma == null ? g : g * V.Load(gamma + i));
        }

        V tail = TD.LoadPartial(dy, i, c - i, V.Zero);
        return (TX.LoadPartial(x, i, c - i, center) - center, gamma == null ? tail : tail * V.LoadPartial(gamma + i, c - i, V.Zero));
    }

    private static void BackwardParams<V>(
        nint x, DataType xt, float* mean, float* rstd, nint dy, DataType dyt, float* dgamma, float* dbeta, long rows, int c)
        where V : struct, ISimd<V>
    {
        if (xt == DataType.Float32)
        {
            if (dyt == DataType.Float32) BackwardParams<V, Float32Element, Float32Element>(x, mean, rstd, dy, dgamma, dbeta, rows, c);
            else BackwardParams<V, Float32Element, BFloat16Element>(x, mean, rstd, dy, dgamma, dbeta, rows, c);
        }
        else
        {
            if (dyt == DataType.Float32) BackwardParams<V, BFloat16Element, Float32Element>(x, mean, rstd, dy, dgamma, dbeta, rows, c);
            else BackwardParams<V, BFloat16Element, BFloat16Element>(x, mean, rstd, dy, dgamma, dbeta, rows, c);
        }
    }

    [MethodImpl(Hot.Loop)]
    private static void BackwardParams<V, TX, TD>(nint x, float* mean, float* rstd, nint dy, float* dgamma, float* dbeta, long rows, int c)
        where V : struct, ISimd<V>
        where TX : struct, IElement
        where TD : struct, IElement
    {
        for (long row = 0; row < rows; row++)
        {
            nint xRow = x + (nint)(row * c * TX.Size), dyRow = dy + (nint)(row * c * TD.Size);
            V center = V.Create(mean[row]), scale = V.Create(rstd[row]);
            int i = 0;
            for (; i <= c - V.Count; i += V.Count)
            {
                V g = TD.Load<V>(dyRow, i);
                V.Store(V.MultiplyAdd(g, (TX.Load<V>(xRow, i) - center) * scale, V.Load(dgamma + i)), dgamma + i);
                V.Store(V.Load(dbeta + i) + g, dbeta + i);
            }

            if (i < c)
            {
                V g = TD.LoadPartial(dyRow, i, c - i, V.Zero);
                V normal = (TX.LoadPartial(xRow, i, c - i, center) - center) * scale;
                V.StorePartial(V.MultiplyAdd(g, normal, V.LoadPartial(dgamma + i, c - i, V.Zero)), dgamma + i, c - i);
                V.StorePartial(V.LoadPartial(dbeta + i, c - i, V.Zero) + g, dbeta + i, c - i);
            }
        }
    }
}
