using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace AdaptFormer.Tensors.Backends.Cpu.Simd;

/// <summary>Sixteen lanes: AVX-512. Without it the runtime would run each member as two halves, correct but slow.</summary>
internal readonly unsafe struct Simd512 : ISimd<Simd512>
{
    private readonly Vector512<float> _v;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Simd512(Vector512<float> v) => _v = v;

    /// <summary>The lanes.</summary>
    public Vector512<float> Vector
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _v;
    }

    public static int Count
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector512<float>.Count;
    }

    public static Simd512 Zero
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => new(Vector512<float>.Zero);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd512 Create(float value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd512 Load(float* p) => new(Vector512.Load(p));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Simd512 x, float* p) => x._v.Store(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd512 LoadDifference(int* a, int* b) => new(Vector512.ConvertToSingle(Vector512.Load(a) - Vector512.Load(b)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBytes(Simd512 x, int zero, byte* p)
    {
        Vector512<int> whole = Avx512F.IsSupported
            ? Avx512F.ConvertToVector512Int32(x._v) : Vector512.ConvertToInt32Native(Vector512.Round(x._v));
        whole += Vector512.Create(zero);
        Vector128<byte> bytes;
        if (Avx512F.IsSupported) bytes = Avx512F.ConvertToVector128Byte(whole);
        else
        {
            Vector256<ushort> shorts = Vector256.Narrow(whole.GetLower(), whole.GetUpper()).AsUInt16();
            bytes = Vector128.Narrow(shorts.GetLower(), shorts.GetUpper());
        }

        bytes.Store(p);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd512 LoadBFloat16(ushort* p)
    {
        Vector512<uint> wide = Avx512F.IsSupported
            ? Avx512F.ConvertToVector512UInt32(Vector256.Load(p))
            : Vector512.Create(Vector256.WidenLower(Vector256.Load(p)), Vector256.WidenUpper(Vector256.Load(p)));
        return new(Vector512.ShiftLeft(wide, 16).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBFloat16(Simd512 x, ushort* p)
    {
        Vector512<uint> upper = UpperHalves(x);
        Vector256<ushort> narrow = Avx512F.IsSupported
            ? Avx512F.ConvertToVector256UInt16(upper)
            : Vector256.Narrow(upper.GetLower(), upper.GetUpper());
        narrow.Store(p);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd512 LoadPartial(float* p, int count, Simd512 fill)
    {
        if (Avx512F.IsSupported)
        {
            Vector512<float> mask = Vector512.LessThan(Vector512<int>.Indices, Vector512.Create(count)).AsSingle();
            return new(Avx512F.MaskLoad(p, mask, fill._v));
        }

        Simd512 buffer = fill;
        float* lanes = (float*)&buffer;
        for (int i = 0; i < count; i++) lanes[i] = p[i];
        return buffer;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StorePartial(Simd512 x, float* p, int count)
    {
        if (Avx512F.IsSupported)
        {
            Vector512<float> mask = Vector512.LessThan(Vector512<int>.Indices, Vector512.Create(count)).AsSingle();
            Avx512F.MaskStore(p, mask, x._v);
            return;
        }

        float* lanes = (float*)&x;
        for (int i = 0; i < count; i++) p[i] = lanes[i];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd512 LoadPartialBFloat16(ushort* p, int count, Simd512 fill)
    {
        if (Avx512BW.VL.IsSupported)
        {
            Vector256<ushort> mask = Vector256.LessThan(Vector256<ushort>.Indices, Vector256.Create((ushort)count));
            Vector256<ushort> narrow = Avx512BW.VL.MaskLoad(p, mask, Vector256<ushort>.Zero);
            Vector512<float> wide = Vector512.ShiftLeft(Avx512F.ConvertToVector512UInt32(narrow), 16).AsSingle();
            return SelectFirst(count, new(wide), fill);
        }

        Simd512 buffer = fill;
        float* lanes = (float*)&buffer;
        for (int i = 0; i < count; i++) lanes[i] = Converter.ToSingle(p[i]);
        return buffer;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StorePartialBFloat16(Simd512 x, ushort* p, int count)
    {
        if (Avx512BW.VL.IsSupported)
        {
            Vector256<ushort> mask = Vector256.LessThan(Vector256<ushort>.Indices, Vector256.Create((ushort)count));
            Avx512BW.VL.MaskStore(p, mask, Avx512F.ConvertToVector256UInt16(UpperHalves(x)));
            return;
        }

        Vector512<uint> upper = UpperHalves(x);
        uint* lanes = (uint*)&upper;
        for (int i = 0; i < count; i++) p[i] = (ushort)lanes[i];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd512 operator +(Simd512 a, Simd512 b) => new(a._v + b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd512 operator -(Simd512 a, Simd512 b) => new(a._v - b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd512 operator *(Simd512 a, Simd512 b) => new(a._v * b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd512 MultiplyAdd(Simd512 a, Simd512 b, Simd512 c) => new(Vector512.MultiplyAddEstimate(a._v, b._v, c._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd512 Max(Simd512 first, Simd512 second) => new(Vector512.MaxNative(first._v, second._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd512 Min(Simd512 first, Simd512 second) => new(Vector512.MinNative(first._v, second._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd512 Abs(Simd512 x) => new(Vector512.Abs(x._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd512 CopySign(Simd512 magnitude, Simd512 sign) => new(Vector512.CopySign(magnitude._v, sign._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd512 Round(Simd512 x) => new(Avx512F.IsSupported ? Avx512F.RoundScale(x._v, 0) : Vector512.Round(x._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd512 Reciprocal(Simd512 x)
    {
        if (!Avx512F.IsSupported) return new(Vector512<float>.One / x._v);

        // A 14-bit estimate and one Newton step, y' = y + y(1 − xy): three cheap instructions instead of a division.
        Vector512<float> y = Avx512F.Reciprocal14(x._v);
        Vector512<float> residual = Avx512F.FusedMultiplyAddNegated(x._v, y, Vector512<float>.One);
        return new(Avx512F.FusedMultiplyAdd(y, residual, y));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd512 ScaleByPowerOfTwo(Simd512 x, Simd512 n)
    {
        if (Avx512F.IsSupported) return new(Avx512F.Scale(x._v, n._v));

        // 2ⁿ is the float whose exponent field is n + 127.
        Vector512<int> exponent = Vector512.ConvertToInt32Native(n._v) + Vector512.Create(127);
        return new(x._v * Vector512.ShiftLeft(exponent, 23).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd512 SelectLessOrEqual(Simd512 a, Simd512 b, Simd512 ifTrue, Simd512 ifFalse) =>
        new(Vector512.ConditionalSelect(Vector512.LessThanOrEqual(a._v, b._v), ifTrue._v, ifFalse._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd512 SelectFirst(int count, Simd512 first, Simd512 others)
    {
        Vector512<float> isFirst = Vector512.LessThan(Vector512<int>.Indices, Vector512.Create(count)).AsSingle();
        return new(Vector512.ConditionalSelect(isFirst, first._v, others._v));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Simd512 x) => Vector512.Sum(x._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float MaxLane(Simd512 x) =>
        Math.Max(Simd256.MaxLane(new Simd256(x._v.GetLower())), Simd256.MaxLane(new Simd256(x._v.GetUpper())));

    // The bfloat16 numbers nearest to the lanes, each in the lower half of its lane.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> UpperHalves(Simd512 x)
    {
        // Adding half of the last kept bit, less one when that bit is even, carries exactly when the rule rounds up.
        // The addition would turn some NaNs into infinity: those keep their upper half, made quiet.
        Vector512<uint> bits = x._v.AsUInt32();
        Vector512<uint> odd = Vector512.ShiftRightLogical(bits, 16) & Vector512<uint>.One;
        Vector512<uint> rounded = bits + Vector512.Create(0x7FFFu) + odd;
        Vector512<uint> quiet = bits | Vector512.Create(0x0040_0000u);
        Vector512<uint> isNumber = Vector512.Equals(x._v, x._v).AsUInt32();
        return Vector512.ShiftRightLogical(Vector512.ConditionalSelect(isNumber, rounded, quiet), 16);
    }
}
