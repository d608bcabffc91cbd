using System.Runtime.CompilerServices;
using AdaptFormer.Tensors.Backends.Cpu.Simd;

namespace AdaptFormer.Tensors.Backends.Cpu;

/// <summary>
/// The innermost loops of the product: a tile of C stays in registers while k runs. Each step loads one or two vectors of B and
/// multiplies them with one number of A per row; the accumulators are named one by one because only locals become registers.
/// Every element of C is summed over k in order, whatever the tile's size, so it does not depend on how C is cut into tiles.
/// </summary>
internal static unsafe class GemmKernel
{
    /// <summary>Adds a·b to a tile (or writes it, when <paramref name="first"/>) of 6 or 12 rows and one or two vectors of
    /// columns.</summary>
    /// <param name="rows">6 or 12.</param>
    /// <param name="columns">Vectors: 1 or 2.</param>
    /// <param name="k">Length of the sum.</param>
    /// <param name="a">The rows' numbers for one k lie side by side.</param>
    /// <param name="aStep">Floats from one k to the next in a.</param>
    /// <param name="b">The columns' numbers for one k lie side by side.</param>
    /// <param name="bStep">Floats from one k to the next in b.</param>
    /// <param name="tile">Tile of C.</param>
    /// <param name="tileStep">Floats from one row of the tile to the next.</param>
    /// <param name="first">Starts from zero instead of the tile.</param>
    public static void Run<V>(
        int rows, int columns, nint k, float* a, nint aStep, float* b, nint bStep, float* tile, nint tileStep, bool first)
        where V : struct, ISimd<V>
    {
        if (rows == 12)
        {
            if (columns == 2) Rows12x2<V>(k, a, aStep, b, bStep, tile, tileStep, first);
            else Rows12x1<V>(k, a, aStep, b, bStep, tile, tileStep, first);
        }
        else
        {
            if (columns == 2) Rows6x2<V>(k, a, aStep, b, bStep, tile, tileStep, first);
            else Rows6x1<V>(k, a, aStep, b, bStep, tile, tileStep, first);
        }
    }

    [MethodImpl(Hot.Loop)]
    private static void Rows12x2<V>(nint k, float* a, nint aStep, float* b, nint bStep, float* tile, nint tileStep, bool first)
        where V : struct, ISimd<V>
    {
        V p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11;
        V q0, q1, q2, q3, q4, q5, q6, q7, q8, q9, q10, q11;
        if (first)
        {
            p0 = p1 = p2 = p3 = p4 = p5 = p6 = p7 = p8 = p9 = p10 = p11 = V.Zero;
            q0 = q1 = q2 = q3 = q4 = q5 = q6 = q7 = q8 = q9 = q10 = q11 = V.Zero;
        }
        else
        {
            p0 = V.Load(tile);
            q0 = V.Load(tile + V.Count);
            p1 = V.Load(tile + tileStep);
            q1 = V.Load(tile + tileStep + V.Count);
            p2 = V.Load(tile + (2 * tileStep));
            q2 = V.Load(tile + (2 * tileStep) + V.Count);
            p3 = V.Load(tile + (3 * tileStep));
            q3 = V.Load(tile + (3 * tileStep) + V.Count);
            p4 = V.Load(tile + (4 * tileStep));
            q4 = V.Load(tile + (4 * tileStep) + V.Count);
            p5 = V.Load(tile + (5 * tileStep));
            q5 = V.Load(tile + (5 * tileStep) + V.Count);
            p6 = V.Load(tile + (6 * tileStep));
            q6 = V.Load(tile + (6 * tileStep) + V.Count);
            p7 = V.Load(tile + (7 * tileStep));
            q7 = V.Load(tile + (7 * tileStep) + V.Count);
            p8 = V.Load(tile + (8 * tileStep));
            q8 = V.Load(tile + (8 * tileStep) + V.Count);
            p9 = V.Load(tile + (9 * tileStep));
            q9 = V.Load(tile + (9 * tileStep) + V.Count);
            p10 = V.Load(tile + (10 * tileStep));
            q10 = V.Load(tile + (10 * tileStep) + V.Count);
            p11 = V.Load(tile + (11 * tileStep));
            q11 = V.Load(tile + (11 * tileStep) + V.Count);
        }

        for (; k > 0; k--)
        {
            V b0 = V.Load(b), b1 = V.Load(b + V.Count);
            V x = V.Create(a[0]);
            p0 = V.MultiplyAdd(x, b0, p0);
            q0 = V.MultiplyAdd(x, b1, q0);
            x = V.Create(a[1]);
            p1 = V.MultiplyAdd(x, b0, p1);
            q1 = V.MultiplyAdd(x, b1, q1);
            x = V.Create(a[2]);
            p2 = V.MultiplyAdd(x, b0, p2);
            q2 = V.MultiplyAdd(x, b1, q2);
            x = V.Create(a[3]);
            p3 = V.MultiplyAdd(x, b0, p3);
            q3 = V.MultiplyAdd(x, b1, q3);
            x = V.Create(a[4]);
            p4 = V.MultiplyAdd(x, b0, p4);
            q4 = V.MultiplyAdd(x, b1, q4);
            x = V.Create(a[5]);
            p5 = V.MultiplyAdd(x, b0, p5);
            q5 = V.MultiplyAdd(x, b1, q5);
            x = V.Create(a[6]);
            p6 = V.MultiplyAdd(x, b0, p6);
            q6 = V.MultiplyAdd(x, b1, q6);
            x = V.Create(a[7]);
            p7 = V.MultiplyAdd(x, b0, p7);
            q7 = V.MultiplyAdd(x, b1, q7);
            x = V.Create(a[8]);
            p8 = V.MultiplyAdd(x, b0, p8);
            q8 = V.MultiplyAdd(x, b1, q8);
            x = V.Create(a[9]);
            p9 = V.MultiplyAdd(x, b0, p9);
            q9 = V.MultiplyAdd(x, b1, q9);
            x = V.Create(a[10]);
            p10 = V.MultiplyAdd(x, b0, p10);
            q10 = V.MultiplyAdd(x, b1, q10);
            x = V.Create(a[11]);
            p11 = V.MultiplyAdd(x, b0, p11);
            q11 = V.MultiplyAdd(x, b1, q11);
            a += aStep;
            b += bStep;
        }

        V.Store(p0, tile);
        V.Store(q0, tile + V.Count);
        V.Store(p1, tile + tileStep);
        V.Store(q1, tile + tileStep + V.Count);
        V.Store(p2, tile + (2 * tileStep));
        V.Store(q2, tile + (2 * tileStep) + V.Count);
        V.Store(p3, tile + (3 * tileStep));
        V.Store(q3, tile + (3 * tileStep) + V.Count);
        V.Store(p4, tile + (4 * tileStep));
        V.Store(q4, tile + (4 * tileStep) + V.Count);
        V.Store(p5, tile + (5 * tileStep));
        V.Store(q5, tile + (5 * tileStep) + V.Count);
        V.Store(p6, tile + (6 * tileStep));
        V.Store(q6, tile + (6 * tileStep) + V.Count);
        V.Store(p7, tile + (7 * tileStep));
        V.Store(q7, tile + (7 * tileStep) + V.Count);
        V.Store(p8, tile + (8 * tileStep));
        V.Store(q8, tile + (8 * tileStep) + V.Count);
        V.Store(p9, tile + (9 * tileStep));
        V.Store(q9, tile + (9 * tileStep) + V.Count);
        V.Store(p10, tile + (10 * tileStep));
        V.Store(q10, tile + (10 * tileStep) + V.Count);
        V.Store(p11, tile + (11 * tileStep));
        V.Store(q11, tile + (11 * tileStep) + V.Count);
    }

    [MethodImpl(Hot.Loop)]
    private static void Rows12x1<V>(nint k, float* a, nint aStep, float* b, nint bStep, float* tile, nint tileStep, bool first)
        where V : struct, ISimd<V>
    {
        V p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11;
        if (first)
        {
            p0 = p1 = p2 = p3 = p4 = p5 = p6 = p7 = p8 = p9 = p10 = p11 = V.Zero;
        }
        else
        {
            p0 = V.Load(tile);
            p1 = V.Load(tile + tileStep);
            p2 = V.Load(tile + (2 * tileStep));
            p3 = V.Load(tile + (3 * tileStep));
            p4 = V.Load(tile + (4 * tileStep));
            p5 = V.Load(tile + (5 * tileStep));
            p6 = V.Load(tile + (6 * tileStep));
            p7 = V.Load(tile + (7 * tileStep));
            p8 = V.Load(tile + (8 * tileStep));
            p9 = V.Load(tile + (9 * tileStep));
            p10 = V.Load(tile + (10 * tileStep));
            p11 = V.Load(tile + (11 * tileStep));
        }

        for (; k > 0; k--)
        {
            V b0 = V.Load(b);
            V x = V.Create(a[0]);
            p0 = V.MultiplyAdd(x, b0, p0);
            x = V.Create(a[1]);
            p1 = V.MultiplyAdd(x, b0, p1);
            x = V.Create(a[2]);
            p2 = V.MultiplyAdd(x, b0, p2);
            x = V.Create(a[3]);
            p3 = V.MultiplyAdd(x, b0, p3);
            x = V.Create(a[4]);
            p4 = V.MultiplyAdd(x, b0, p4);
            x = V.Create(a[5]);
            p5 = V.MultiplyAdd(x, b0, p5);
            x = V.Create(a[6]);
            p6 = V.MultiplyAdd(x, b0, p6);
            x = V.Create(a[7]);
            p7 = V.MultiplyAdd(x, b0, p7);
            x = V.Create(a[8]);
            p8 = V.MultiplyAdd(x, b0, p8);
            x = V.Create(a[9]);
            p9 = V.MultiplyAdd(x, b0, p9);
            x = V.Create(a[10]);
            p10 = V.MultiplyAdd(x, b0, p10);
            x = V.Create(a[11]);
            p11 = V.MultiplyAdd(x, b0, p11);
            a += aStep;
            b += bStep;
        }

        V.Store(p0, tile);
        V.Store(p1, tile + tileStep);
        V.Store(p2, tile + (2 * tileStep));
        V.Store(p3, tile + (3 * tileStep));
        V.Store(p4, tile + (4 * tileStep));
        V.Store(p5, tile + (5 * tileStep));
        V.Store(p6, tile + (6 * tileStep));
        V.Store(p7, tile + (7 * tileStep));
        V.Store(p8, tile + (8 * tileStep));
        V.Store(p9, tile + (9 * tileStep));
        V.Store(p10, tile + (10 * tileStep));
        V.Store(p11, tile + (11 * tileStep));
    }

    [MethodImpl(Hot.Loop)]
    private static void Rows6x2<V>(nint k, float* a, nint aStep, float* b, nint bStep, float* tile, nint tileStep, bool first)
        where V : struct, ISimd<V>
    {
        V p0, p1, p2, p3, p4, p5;
        V q0, q1, q2, q3, q4, q5;
        if (first)
        {
            p0 = p1 = p2 = p3 = p4 = p5 = V.Zero;
            q0 = q1 = q2 = q3 = q4 = q5 = V.Zero;
        }
        else
        {
            p0 = V.Load(tile);
            q0 = V.Load(tile + V.Count);
            p1 = V.Load(tile + tileStep);
            q1 = V.Load(tile + tileStep + V.Count);
            p2 = V.Load(tile + (2 * tileStep));
            q2 = V.Load(tile + (2 * tileStep) + V.Count);
            p3 = V.Load(tile + (3 * tileStep));
            q3 = V.Load(tile + (3 * tileStep) + V.Count);
            p4 = V.Load(tile + (4 * tileStep));
            q4 = V.Load(tile + (4 * tileStep) + V.Count);
            p5 = V.Load(tile + (5 * tileStep));
            q5 = V.Load(tile + (5 * tileStep) + V.Count);
        }

        for (; k > 0; k--)
        {
            V b0 = V.Load(b), b1 = V.Load(b + V.Count);
            V x = V.Create(a[0]);
            p0 = V.MultiplyAdd(x, b0, p0);
            q0 = V.MultiplyAdd(x, b1, q0);
            x = V.Create(a[1]);
            p1 = V.MultiplyAdd(x, b0, p1);
            q1 = V.MultiplyAdd(x, b1, q1);
            x = V.Create(a[2]);
            p2 = V.MultiplyAdd(x, b0, p2);
            q2 = V.MultiplyAdd(x, b1, q2);
            x = V.Create(a[3]);
            p3 = V.MultiplyAdd(x, b0, p3);
            q3 = V.MultiplyAdd(x, b1, q3);
            x = V.Create(a[4]);
            p4 = V.MultiplyAdd(x, b0, p4);
            q4 = V.MultiplyAdd(x, b1, q4);
            x = V.Create(a[5]);
            p5 = V.MultiplyAdd(x, b0, p5);
            q5 = V.MultiplyAdd(x, b1, q5);
            a += aStep;
            b += bStep;
        }

        V.Store(p0, tile);
        V.Store(q0, tile + V.Count);
        V.Store(p1, tile + tileStep);
        V.Store(q1, tile + tileStep + V.Count);
        V.Store(p2, tile + (2 * tileStep));
        V.Store(q2, tile + (2 * tileStep) + V.Count);
        V.Store(p3, tile + (3 * tileStep));
        V.Store(q3, tile + (3 * tileStep) + V.Count);
        V.Store(p4, tile + (4 * tileStep));
        V.Store(q4, tile + (4 * tileStep) + V.Count);
        V.Store(p5, tile + (5 * tileStep));
        V.Store(q5, tile + (5 * tileStep) + V.Count);
    }

    [MethodImpl(Hot.Loop)]
    private static void Rows6x1<V>(nint k, float* a, nint aStep, float* b, nint bStep, float* tile, nint tileStep, bool first)
        where V : struct, ISimd<V>
    {
        V p0, p1, p2, p3, p4, p5;
        if (first)
        {
            p0 = p1 = p2 = p3 = p4 = p5 = V.Zero;
        }
        else
        {
            p0 = V.Load(tile);
            p1 = V.Load(tile + tileStep);
            p2 = V.Load(tile + (2 * tileStep));
            p3 = V.Load(tile + (3 * tileStep));
            p4 = V.Load(tile + (4 * tileStep));
            p5 = V.Load(tile + (5 * tileStep));
        }

        for (; k > 0; k--)
        {
            V b0 = V.Load(b);
            V x = V.Create(a[0]);
            p0 = V.MultiplyAdd(x, b0, p0);
            x = V.Create(a[1]);
            p1 = V.MultiplyAdd(x, b0, p1);
            x = V.Create(a[2]);
            p2 = V.MultiplyAdd(x, b0, p2);
            x = V.Create(a[3]);
            p3 = V.MultiplyAdd(x, b0, p3);
            x = V.Create(a[4]);
            p4 = V.MultiplyAdd(x, b0, p4);
            x = V.Create(a[5]);
            p5 = V.MultiplyAdd(x, b0, p5);
            a += aStep;
            b += bStep;
        }

        V.Store(p0, tile);
        V.Store(p1, tile + tileStep);
        V.Store(p2, tile + (2 * tileStep));
        V.Store(p3, tile + (3 * tileStep));
        V.Store(p4, tile + (4 * tileStep));
        V.Store(p5, tile + (5 * tileStep));
    }
}
