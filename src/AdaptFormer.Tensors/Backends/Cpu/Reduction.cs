using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using AdaptFormer.Tensors.Backends.Cpu.Simd;

namespace AdaptFormer.Tensors.Backends.Cpu;

/// <summary>Sums and means over the rows of a matrix, in f32 and always in the same order.</summary>
internal static unsafe class Reduction
{
    // A block of rows is summed by itself before it is added: the rounding error grows with rows/BlockRows + BlockRows, not with rows.
    private const int BlockRows = 64;

    /// <summary>y[j] += Σ over the rows of x[row, j].</summary>
    public static void SumRows(nint x, DataType xt, long rows, int c, float* y)
    {
        if (Vector512.IsHardwareAccelerated) SumRows<Simd512>(x, xt, rows, c, y);
        else if (Vector256.IsHardwareAccelerated) SumRows<Simd256>(x, xt, rows, c, y);
        else SumRows<Simd128>(x, xt, rows, c, y);
    }

    /// <summary>y[j] = mean over the rows of x[row, j]; NaN when there are no rows.</summary>
    public static void MeanRows(nint x, DataType xt, long rows, int c, float* y)
    {
        new Span<float>(y, c).Clear();
        SumRows(x, xt, rows, c, y);
        for (int j = 0; j < c; j++) y[j] /= rows;
    }

    private static void SumRows<V>(nint x, DataType xt, long rows, int c, float* y)
        where V : struct, ISimd<V>
    {
        for (long row = 0; row < rows; row += BlockRows)
        {
            int count = (int)Math.Min(BlockRows, rows - row);
            nint block = x + (nint)(row * c * xt.Size());
            if (xt == DataType.Float32) SumBlock<V, Float32Element>(block, count, c, y);
            else SumBlock<V, BFloat16Element>(block, count, c, y);
        }
    }

    [MethodImpl(Hot.Loop)]
    private static void SumBlock<V, TX>(nint x, int rows, int c, float* y)
        where V : struct, ISimd<V>
        where TX : struct, IElement
    {
        int j = 0;
        for (; j <= c - (4 * V.Count); j += 4 * V.Count)
        {
            V s0 = V.Zero, s1 = V.Zero, s2 = V.Zero, s3 = V.Zero;
            long at = j;
            for (int row = 0; row < rows; row++, at += c)
            {
                s0 += TX.Load<V>(x, at);
                s1 += TX.Load<V>(x, at + V.Count);
                s2 += TX.Load<V>(x, at + (2 * V.Count));
                s3 += TX.Load<V>(x, at + (3 * V.Count));
            }

            V.Store(V.Load(y + j) + s0, y + j);
            V.Store(V.Load(y + j + V.Count) + s1, y + j + V.Count);
            V.Store(V.Load(y + j + (2 * V.Count)) + s2, y + j + (2 * V.Count));
            V.Store(V.Load(y + j + (3 * V.Count)) + s3, y + j + (3 * V.Count));
        }

        for (; j <= c - V.Count; j += V.Count)
        {
            V s = V.Zero;
            for (long row = 0; row < rows; row++) s += TX.Load<V>(x, (row * c) + j);
            V.Store(V.Load(y + j) + s, y + j);
        }

        if (j < c)
        {
            V s = V.Zero;
            for (long row = 0; row < rows; row++) s += TX.LoadPartial(x, (row * c) + j, c - j, V.Zero);
            V.StorePartial(V.LoadPartial(y + j, c - j, V.Zero) + s, y + j, c - j);
        }
    }
}
