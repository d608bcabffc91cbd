using System.Runtime.CompilerServices;
using AdaptFormer.Tensors.Backends.Cpu.Simd;

namespace AdaptFormer.Tensors.Backends.Cpu;

/// <summary>
/// Activation functions and their derivatives over arrays of either storage type; outputs may alias inputs of the same type.
/// ReLU, tanh and sigmoid go back from the output, both GELUs from the pre-activation.
/// </summary>
internal static unsafe class Activation
{
    private const float QuickSlope = 1.702f;

    /// <summary>y = max(0, x).</summary>
    public static void Relu(nint x, DataType xt, nint y, DataType yt, long n) => Map.Run(default(ReluMap), x, xt, y, yt, n);

    /// <summary>dx = y ≤ 0 ? 0 : dy, with y the output.</summary>
    public static void ReluBackward(nint y, DataType yt, nint dy, DataType dyt, nint dx, DataType dxt, long n) =>
        Map.Run(default(ReluGradient), y, yt, dy, dyt, dx, dxt, n);

    /// <summary>y = x·Φ(x), Φ the normal distribution function (the exact GELU); within 1e-7·max(1, |x|).</summary>
    public static void Gelu(nint x, DataType xt, nint y, DataType yt, long n) => Map.Run(default(GeluMap), x, xt, y, yt, n);

    /// <summary>dx = dy·(Φ(x) + x·e^(−x²/2)/√(2π)), with x the pre-activation; the factor is within 3e-7.</summary>
    public static void GeluBackward(nint x, DataType xt, nint dy, DataType dyt, nint dx, DataType dxt, long n) =>
        Map.Run(default(GeluGradient), x, xt, dy, dyt, dx, dxt, n);

    /// <summary>y = x·σ(1.702·x), CLIP's approximation of GELU.</summary>
    public static void QuickGelu(nint x, DataType xt, nint y, DataType yt, long n) => Map.Run(default(QuickGeluMap), x, xt, y, yt, n);

    /// <summary>dx = dy·(σ + 1.702·x·σ·(1 − σ)), σ = σ(1.702·x), with x the pre-activation.</summary>
    public static void QuickGeluBackward(nint x, DataType xt, nint dy, DataType dyt, nint dx, DataType dxt, long n) =>
        Map.Run(default(QuickGeluGradient), x, xt, dy, dyt, dx, dxt, n);

    /// <summary>y = tanh x, within 3e-7 relative.</summary>
    public static void Tanh(nint x, DataType xt, nint y, DataType yt, long n) => Map.Run(default(TanhMap), x, xt, y, yt, n);

    /// <summary>dx = dy·(1 − y²), with y the output.</summary>
    public static void TanhBackward(nint y, DataType yt, nint dy, DataType dyt, nint dx, DataType dxt, long n) =>
        Map.Run(default(TanhGradient), y, yt, dy, dyt, dx, dxt, n);

    /// <summary>y = 1/(1 + e^(−x)), within 4e-7 relative while it is normal.</summary>
    public static void Sigmoid(nint x, DataType xt, nint y, DataType yt, long n) => Map.Run(default(SigmoidMap), x, xt, y, yt, n);

    /// <summary>dx = dy·y·(1 − y), with y the output.</summary>
    public static void SigmoidBackward(nint y, DataType yt, nint dy, DataType dyt, nint dx, DataType dxt, long n) =>
        Map.Run(default(SigmoidGradient), y, yt, dy, dyt, dx, dxt, n);

    /// <summary>max(0, x).</summary>
    internal readonly struct ReluMap : IMap
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Apply<V>(V x)
            where V : struct, ISimd<V> => VectorMath.Relu(x);
    }

    private readonly struct ReluGradient : IMap2
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Apply<V>(V y, V dy)
            where V : struct, ISimd<V> => V.SelectLessOrEqual(y, V.Zero, V.Zero, dy);
    }

    /// <summary>x·Φ(x).</summary>
    internal readonly struct GeluMap : IMap
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Apply<V>(V x)
            where V : struct, ISimd<V> => VectorMath.Gelu(x);
    }

    private readonly struct GeluGradient : IMap2
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Apply<V>(V x, V dy)
            where V : struct, ISimd<V>
        {
            V tail = VectorMath.NormalTail(x, out V bell);
            V phi = V.SelectLessOrEqual(x, V.Zero, tail, V.Create(1f) - tail);
            V clamped = V.Max(V.Create(-12f), V.Min(V.Create(12f), x));    // keeps ∞·0 out; the bell is below 1e-31 there
            return dy * V.MultiplyAdd(clamped * bell, V.Create(0.398942280f), phi);
        }
    }

    private readonly struct QuickGeluMap : IMap
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Apply<V>(V x)
            // keeps ∞·0 out; the product is below 1e-35 there
            where V : struct, ISimd<V> => V.Max(V.Create(-60f), x) * VectorMath.Sigmoid(x * V.Create(QuickSlope));
    }

    private readonly struct QuickGeluGradient : IMap2
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Apply<V>(V x, V dy)
            where V : struct, ISimd<V>
        {
            V scaled = x * V.Create(QuickSlope);
            V sigma = VectorMath.Sigmoid(scaled);
            return dy * V.MultiplyAdd(scaled * sigma, V.Create(1f) - sigma, sigma);
        }
    }

    private readonly struct TanhMap : IMap
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Apply<V>(V x)
            where V : struct, ISimd<V> => VectorMath.Tanh(x);
    }

    private readonly struct TanhGradient : IMap2
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Apply<V>(V y, V dy)
            where V : struct, ISimd<V> => dy * (V.Create(1f) - (y * y));
    }

    private readonly struct SigmoidMap : IMap
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Apply<V>(V x)
            where V : struct, ISimd<V> => VectorMath.Sigmoid(x);
    }

    private readonly struct SigmoidGradient : IMap2
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Apply<V>(V y, V dy)
            where V : struct, ISimd<V> => dy * (y * (V.Create(1f) - y));
    }
}
