using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using AdaptFormer.Tensors.Backends.Cpu.Simd;

namespace AdaptFormer.Tensors.Backends.Cpu;

/// <summary>
/// A linear layer whose product runs in 8 bits: each row of x gets a step of its own, x ≈ step·(code − 128), the sums are whole
/// numbers, and what follows is f32. A row's result depends on that row alone.
/// </summary>
internal static unsafe class ByteLinear
{
    /// <summary>The code that stands for zero.</summary>
    public const int Zero = 128;

    // Sums of so many rows of a wide layer (3,072 outputs) still lie in the second cache when they are turned into floats.
    private const int RowsAtOnce = 32;
    private const float LargestCode = 127;

    /// <summary>y = residual + scale·f(x·Wᵀ + b) for some rows.</summary>
    /// <param name="worker">The thread's own.</param>
    /// <param name="weight">W, [N, K].</param>
    /// <param name="x">[M, K].</param>
    /// <param name="xt">Type of x.</param>
    /// <param name="m">M.</param>
    /// <param name="k">K.</param>
    /// <param name="rest">What follows the product.</param>
    /// <param name="residual">[M, N]; none if null. It may be y.</param>
    /// <param name="y">[M, N].</param>
    /// <param name="yt">Type of y.</param>
    public static void Run(
        Worker worker, ByteForm weight, nint x, DataType xt, int m, int k, in ByteEpilogue rest, float* residual, nint y, DataType yt)
    {
        (int n, int stride, int most) = (weight.Steps.Length, ByteMatrix.RowBytes(k), Math.Min(m, RowsAtOnce));
        long codeBytes = (((long)most * stride) + 63) / 64 * 64;
        byte* codes = worker.Workspace((nuint)(codeBytes + ((long)most * n * sizeof(int))));
        int* sums = (int*)(codes + codeBytes);
        float* steps = stackalloc float[RowsAtOnce];
        for (int start = 0; start < m; start += RowsAtOnce)
        {
            int rows = Math.Min(RowsAtOnce, m - start);
            for (int i = 0; i < rows; i++)
            {
                nint row = x + (nint)((long)(start + i) * k * xt.Size());
                steps[i] = Encode(row, xt, k, codes + ((long)i * stride), stride);
            }

            weight.Matrix.Multiply(worker, codes, rows, sums);
            for (int i = 0; i < rows; i++)
            {
                long at = (long)(start + i) * n;
                float* other = residual is null ? null : residual + at;
                rest.Decode(sums + ((long)i * n), steps[i], weight, other, y + (nint)(at * yt.Size()), yt);
            }
        }
    }

    /// <summary>The codes of a row, and its step.</summary>
    private static float Encode(nint x, DataType xt, int k, byte* codes, int stride)
    {
        float step = xt == DataType.Float32 ? Encode<Float32Element>(x, k, codes) : Encode<BFloat16Element>(x, k, codes);
        for (int i = k; i < stride; i++) codes[i] = 0;
        return step;
    }

    private static float Encode<TX>(nint x, int k, byte* codes)
        where TX : struct, IElement
    {
        if (Vector512.IsHardwareAccelerated) return Encode<Simd512, TX>(x, k, codes);
        if (Vector256.IsHardwareAccelerated) return Encode<Simd256, TX>(x, k, codes);
        return Encode<Simd128, TX>(x, k, codes);
    }

    [MethodImpl(Hot.Loop)]
    private static float Encode<V, TX>(nint x, int k, byte* codes)
        where V : struct, ISimd<V>
        where TX : struct, IElement
    {
        V most0 = V.Zero, most1 = V.Zero, nothing = V.Zero;      // the last stays zero unless a number is infinite or none
        int i = 0;
        for (; i <= k - (2 * V.Count); i += 2 * V.Count)
        {
            V left = TX.Load<V>(x, i), right = TX.Load<V>(x, i + V.Count);
            (most0, most1) = (V.Max(most0, V.Abs(left)), V.Max(most1, V.Abs(right)));
            nothing = V.MultiplyAdd(left, V.Zero, V.MultiplyAdd(right, V.Zero, nothing));
        }

        for (; i < k; i += V.Count)
        {
            V value = k - i >= V.Count ? TX.Load<V>(x, i) : TX.LoadPartial(x, i, k - i, V.Zero);
            most0 = V.Max(most0, V.Abs(value));
            nothing = V.MultiplyAdd(value, V.Zero, nothing);
        }

        float largest = V.MaxLane(V.Max(most0, most1)) + V.Sum(nothing);
        float step = largest == 0 ? 1 : largest / LargestCode;
        V inverse = V.Create(1 / step);
        for (i = 0; i <= k - V.Count; i += V.Count) V.StoreBytes(TX.Load<V>(x, i) * inverse, Zero, codes + i);
        if (i < k)
        {
            byte* last = stackalloc byte[V.Count];
            V.StoreBytes(TX.LoadPartial(x, i, k - i, V.Zero) * inverse, Zero, last);
            Unsafe.CopyBlockUnaligned(codes + i, last, (uint)(k - i));
        }

        return step;
    }
}
