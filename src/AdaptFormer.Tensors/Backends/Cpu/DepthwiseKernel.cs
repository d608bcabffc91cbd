using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using AdaptFormer.Tensors.Backends.Cpu.Simd;

namespace AdaptFormer.Tensors.Backends.Cpu;

/// <summary>Depthwise 3×3 convolution of one image's tokens, features in lanes: every sum runs over the taps in their order.</summary>
internal static unsafe class DepthwiseKernel
{
    /// <summary>y[n] = b + Σ over the tokens k around n of w[tap of k]∘x[k].</summary>
    /// <param name="x">[N, M].</param>
    /// <param name="taps">The neighbourhood.</param>
    /// <param name="w">[9, M].</param>
    /// <param name="bias">[M], or null.</param>
    /// <param name="mirrored">Reads the kernel turned by 180°: the gradient with respect to x.</param>
    /// <param name="m">M.</param>
    /// <param name="y">[N, M].</param>
    public static void Forward(float* x, GridTaps taps, float* w, float* bias, bool mirrored, int m, float* y)
    {
        if (Vector512.IsHardwareAccelerated) Forward<Simd512>(x, taps, w, bias, mirrored, m, y);
        else if (Vector256.IsHardwareAccelerated) Forward<Simd256>(x, taps, w, bias, mirrored, m, y);
        else Forward<Simd128>(x, taps, w, bias, mirrored, m, y);
    }

    /// <summary>dw[tap of k] += dy[n]∘x[k], over all tokens n and the tokens k around each.</summary>
    public static void BackwardWeight(float* x, GridTaps taps, float* dy, int m, float* dw)
    {
        Span<int> tokens = stackalloc int[GridTaps.Count], kernel = stackalloc int[GridTaps.Count];
        for (int n = 0; n < taps.Tokens; n++)
        {
            int count = taps.Around(n, tokens, kernel);
            for (int k = 0; k < count; k++)
                Elementwise.MultiplyInto(dw + (kernel[k] * m), dy + ((long)n * m), x + ((long)tokens[k] * m), m);
        }
    }

    [MethodImpl(Hot.Loop)]
    private static void Forward<V>(float* x, GridTaps taps, float* w, float* bias, bool mirrored, int m, float* y)
        where V : struct, ISimd<V>
    {
        Span<int> tokens = stackalloc int[GridTaps.Count], kernel = stackalloc int[GridTaps.Count];
        for (int n = 0; n < taps.Tokens; n++, y += m)
        {
            int count = taps.Around(n, tokens, kernel);
            for (int k = 0; mirrored && k < count; k++) kernel[k] = GridTaps.Count - 1 - kernel[k];
            int j = 0;
            for (; j <= m - V.Count; j += V.Count)
            {
                V sum = bias == null ? V.Zero : V.Load(bias + j);
                for (int k = 0; k < count; k++)
                    sum = V.MultiplyAdd(V.Load(w + (kernel[k] * m) + j), V.Load(x + ((long)tokens[k] * m) + j), sum);
                V.Store(sum, y + j);
            }

            if (j >= m) continue;
            V last = bias == null ? V.Zero : V.LoadPartial(bias + j, m - j, V.Zero);
            for (int k = 0; k < count; k++)
                last = V.MultiplyAdd(V.LoadPartial(w + (kernel[k] * m) + j, m - j, V.Zero),
                    V.LoadPartial(x + ((long)tokens[k] * m) + j, m - j, V.Zero), last);
            V.StorePartial(last, y + j, m - j);
        }
    }
}
