using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace AdaptFormer.Tensors.Backends.Cpu.Simd;

/// <summary>Eight lanes: AVX2.</summary>
internal readonly unsafe struct Simd256 : ISimd<Simd256>
{
    private readonly Vector256<float> _v;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal Simd256(Vector256<float> v) => _v = v;

    /// <summary>The lanes.</summary>
    public Vector256<float> Vector
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _v;
    }

    public static int Count
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector256<float>.Count;
    }

    public static Simd256 Zero
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => new(Vector256<float>.Zero);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd256 Create(float value) => new(Vector256.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd256 Load(float* p) => new(Vector256.Load(p));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Simd256 x, float* p) => x._v.Store(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd256 LoadDifference(int* a, int* b) => new(Vector256.ConvertToSingle(Vector256.Load(a) - Vector256.Load(b)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBytes(Simd256 x, int zero, byte* p)
    {
        Vector256<int> whole = Vector256.ConvertToInt32Native(Vector256.Round(x._v)) + Vector256.Create(zero);
        Vector128<ushort> shorts = Vector128.Narrow(whole.GetLower(), whole.GetUpper()).AsUInt16();
        *(ulong*)p = Vector128.Narrow(shorts, shorts).AsUInt64().ToScalar();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd256 LoadBFloat16(ushort* p)
    {
        Vector256<uint> wide = Avx2.IsSupported
            ? Avx2.ConvertToVector256Int32(Vector128.Load(p)).AsUInt32()
            : Vector256.Create(Vector128.WidenLower(Vector128.Load(p)), Vector128.WidenUpper(Vector128.Load(p)));
        return new(Vector256.ShiftLeft(wide, 16).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBFloat16(Simd256 x, ushort* p)
    {
        Vector256<uint> upper = UpperHalves(x);
        Vector128.Narrow(upper.GetLower(), upper.GetUpper()).Store(p);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd256 LoadPartial(float* p, int count, Simd256 fill)
    {
        if (Avx.IsSupported)
        {
            Vector256<float> mask = Vector256.LessThan(Vector256<int>.Indices, Vector256.Create(count)).AsSingle();
            return new(Vector256.ConditionalSelect(mask, Avx.MaskLoad(p, mask), fill._v));
        }

        Simd256 buffer = fill;
        float* lanes = (float*)&buffer;
        for (int i = 0; i < count; i++) lanes[i] = p[i];
        return buffer;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StorePartial(Simd256 x, float* p, int count)
    {
        if (Avx.IsSupported)
        {
            Vector256<float> mask = Vector256.LessThan(Vector256<int>.Indices, Vector256.Create(count)).AsSingle();
            Avx.MaskStore(p, mask, x._v);
            return;
        }

        float* lanes = (float*)&x;
        for (int i = 0; i < count; i++) p[i] = lanes[i];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd256 LoadPartialBFloat16(ushort* p, int count, Simd256 fill)
    {
        Simd256 buffer = fill;
        float* lanes = (float*)&buffer;
        for (int i = 0; i < count; i++) lanes[i] = Converter.ToSingle(p[i]);
        return buffer;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StorePartialBFloat16(Simd256 x, ushort* p, int count)
    {
        Vector256<uint> upper = UpperHalves(x);
        uint* lanes = (uint*)&upper;
        for (int i = 0; i < count; i++) p[i] = (ushort)lanes[i];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd256 operator +(Simd256 a, Simd256 b) => new(a._v + b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd256 operator -(Simd256 a, Simd256 b) => new(a._v - b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd256 operator *(Simd256 a, Simd256 b) => new(a._v * b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd256 MultiplyAdd(Simd256 a, Simd256 b, Simd256 c) => new(Vector256.MultiplyAddEstimate(a._v, b._v, c._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd256 Max(Simd256 first, Simd256 second) => new(Vector256.MaxNative(first._v, second._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd256 Min(Simd256 first, Simd256 second) => new(Vector256.MinNative(first._v, second._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd256 Abs(Simd256 x) => new(Vector256.Abs(x._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd256 CopySign(Simd256 magnitude, Simd256 sign) => new(Vector256.CopySign(magnitude._v, sign._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd256 Round(Simd256 x) => new(Vector256.Round(x._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd256 Reciprocal(Simd256 x) => new(Vector256<float>.One / x._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd256 ScaleByPowerOfTwo(Simd256 x, Simd256 n)
    {
        // 2ⁿ is the float whose exponent field is n + 127.
        Vector256<int> exponent = Vector256.ConvertToInt32Native(n._v) + Vector256.Create(127);
        return new(x._v * Vector256.ShiftLeft(exponent, 23).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd256 SelectLessOrEqual(Simd256 a, Simd256 b, Simd256 ifTrue, Simd256 ifFalse) =>
        new(Vector256.ConditionalSelect(Vector256.LessThanOrEqual(a._v, b._v), ifTrue._v, ifFalse._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd256 SelectFirst(int count, Simd256 first, Simd256 others)
    {
        Vector256<float> isFirst = Vector256.LessThan(Vector256<int>.Indices, Vector256.Create(count)).AsSingle();
        return new(Vector256.ConditionalSelect(isFirst, first._v, others._v));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Simd256 x) => Vector256.Sum(x._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float MaxLane(Simd256 x) => Simd128.MaxLane(new Simd128(Vector128.MaxNative(x._v.GetLower(), x._v.GetUpper())));

    // The bfloat16 numbers nearest to the lanes, each in the lower half of its lane.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> UpperHalves(Simd256 x)
    {
        // Adding half of the last kept bit, less one when that bit is even, carries exactly when the rule rounds up.
        // The addition would turn some NaNs into infinity: those keep their upper half, made quiet.
        Vector256<uint> bits = x._v.AsUInt32();
        Vector256<uint> odd = Vector256.ShiftRightLogical(bits, 16) & Vector256<uint>.One;
        Vector256<uint> rounded = bits + Vector256.Create(0x7FFFu) + odd;
        Vector256<uint> quiet = bits | Vector256.Create(0x0040_0000u);
        Vector256<uint> isNumber = Vector256.Equals(x._v, x._v).AsUInt32();
        return Vector256.ShiftRightLogical(Vector256.ConditionalSelect(isNumber, rounded, quiet), 16);
    }
}
