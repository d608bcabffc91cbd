using System.Runtime.CompilerServices;

namespace AdaptFormer.Tensors.Backends.Cpu.Simd;

/// <summary>Transcendental functions over vectors. The polynomials are minimax fits of our own; their errors are held by tests.</summary>
internal static class VectorMath
{
    /// <summary>
    /// eˣ for x ≤ 0, −∞ included; relative error below 2e-7 down to −78 and 0 beyond: a smaller number would become denormal
    /// in the arithmetic that follows, which costs a hundred times as much. NaN for NaN.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V ExpNonPositive<V>(V x)
        where V : struct, ISimd<V> => V.SelectLessOrEqual(x, V.Create(-78f), V.Zero, ExpModest(V.Max(V.Create(-80f), x)));

    /// <summary>eˣ for x in [−87, 0]: <see cref="ExpNonPositive"/> without its guard.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V ExpModest<V>(V x)
        where V : struct, ISimd<V>
    {
        // eˣ = 2ⁿ·eʳ with n = round(x·log₂e) and |r| ≤ ln2/2; n·ln2 is subtracted in two parts, the first exact.
        V n = V.Round(x * V.Create(1.44269504f));
        V r = V.MultiplyAdd(n, V.Create(-0.693359375f), x);
        r = V.MultiplyAdd(n, V.Create(2.12194440e-4f), r);
        V p = V.Create(0.00829760336f);
        p = V.MultiplyAdd(p, r, V.Create(0.0419153893f));
        p = V.MultiplyAdd(p, r, V.Create(0.166675756f));
        p = V.MultiplyAdd(p, r, V.Create(0.499988947f));
        p = V.MultiplyAdd(p, r, V.Create(0.999999692f));
        p = V.MultiplyAdd(p, r, V.Create(1.00000007f));
        return V.ScaleByPowerOfTwo(p, n);
    }

    /// <summary>
    /// The lower normal tail q = Φ(−|x|) and the bell e = e^(−x²/2), with |x| taken as at most 12: beyond, q is below 2e-33 and
    /// on its way to the denormal numbers, which cost a hundred times as much.
    /// <c>Φ(−|x|) = ½·t·P(t)·e, t = 1/(1 + 0.4·|x|/√2)</c>; absolute error of q below 6e-8.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V NormalTail<V>(V x, out V bell)
        where V : struct, ISimd<V>
    {
        V magnitude = V.Min(V.Create(12f), V.Abs(x));
        V t = V.Reciprocal(V.MultiplyAdd(magnitude, V.Create(0.282842712f), V.Create(1f)));
        bell = ExpModest(magnitude * magnitude * V.Create(-0.5f));
        V p = V.Create(-0.200268582f);
        p = V.MultiplyAdd(p, t, V.Create(0.70918806f));
        p = V.MultiplyAdd(p, t, V.Create(-0.370978161f));
        p = V.MultiplyAdd(p, t, V.Create(0.468334f));
        p = V.MultiplyAdd(p, t, V.Create(0.161798362f));
        p = V.MultiplyAdd(p, t, V.Create(0.231926293f));
        return p * t * bell * V.Create(0.5f);
    }

    /// <summary>GELU, x·Φ(x): relu(x) − |x|·Φ(−|x|), which is exact far from zero on both sides.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Gelu<V>(V x)
        where V : struct, ISimd<V>
    {
        V tail = NormalTail(x, out _);
        V magnitude = V.Min(V.Create(12f), V.Abs(x));
        return Relu(x) - (magnitude * tail);
    }

    /// <summary>max(0, x); NaN for NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Relu<V>(V x)
        where V : struct, ISimd<V> => V.SelectLessOrEqual(x, V.Zero, V.Zero, x);

    /// <summary>tanh x: an odd polynomial below 0.65, beyond it (1 − e)/(1 + e) with e = e^(−2|x|), which would cancel near
    /// 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Tanh<V>(V x)
        where V : struct, ISimd<V>
    {
        V magnitude = V.Min(V.Create(10f), V.Abs(x));    // tanh 10 rounds to 1
        V e = ExpModest(magnitude * V.Create(-2f));
        V large = (V.Create(1f) - e) * V.Reciprocal(V.Create(1f) + e);
        V z = magnitude * magnitude;
        V p = V.Create(-0.00551516411f);
        p = V.MultiplyAdd(p, z, V.Create(0.0204694201f));
        p = V.MultiplyAdd(p, z, V.Create(-0.0536880232f));
        p = V.MultiplyAdd(p, z, V.Create(0.133308303f));
        p = V.MultiplyAdd(p, z, V.Create(-0.333332598f));
        V small = V.MultiplyAdd(p * z, magnitude, magnitude);
        return V.CopySign(V.SelectLessOrEqual(magnitude, V.Create(0.65f), small, large), x);
    }

    /// <summary>1/(1 + e^(−x)), as 1/(1 + e) or e/(1 + e) with e = e^(−|x|), so that neither side overflows or cancels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Sigmoid<V>(V x)
        where V : struct, ISimd<V>
    {
        V e = ExpModest(V.Max(V.Create(-87f), V.Zero - V.Abs(x)));
        V inverse = V.Reciprocal(V.Create(1f) + e);
        return V.SelectLessOrEqual(x, V.Zero, e * inverse, inverse);
    }
}
