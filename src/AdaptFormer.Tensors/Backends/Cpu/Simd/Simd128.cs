using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace AdaptFormer.Tensors.Backends.Cpu.Simd;

/// <summary>Four lanes: NEON, SSE, and software where there is neither.</summary>
internal readonly unsafe struct Simd128 : ISimd<Simd128>
{
    private readonly Vector128<float> _v;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal Simd128(Vector128<float> v) => _v = v;

    /// <summary>The lanes.</summary>
    public Vector128<float> Vector
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _v;
    }

    public static int Count
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector128<float>.Count;
    }

    public static Simd128 Zero
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => new(Vector128<float>.Zero);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd128 Create(float value) => new(Vector128.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd128 Load(float* p) => new(Vector128.Load(p));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Simd128 x, float* p) => x._v.Store(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd128 LoadDifference(int* a, int* b) => new(Vector128.ConvertToSingle(Vector128.Load(a) - Vector128.Load(b)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBytes(Simd128 x, int zero, byte* p)
    {
        Vector128<int> whole = Vector128.ConvertToInt32Native(Vector128.Round(x._v)) + Vector128.Create(zero);
        Vector128<ushort> shorts = Vector128.Narrow(whole, whole).AsUInt16();
        *(uint*)p = Vector128.Narrow(shorts, shorts).AsUInt32().ToScalar();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd128 LoadBFloat16(ushort* p)
    {
        Vector128<ushort> narrow = Vector128.CreateScalarUnsafe(*(ulong*)p).AsUInt16();
        return new(Vector128.ShiftLeft(Vector128.WidenLower(narrow), 16).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBFloat16(Simd128 x, ushort* p)
    {
        Vector128<uint> upper = UpperHalves(x);
        *(ulong*)p = Vector128.Narrow(upper, upper).AsUInt64().ToScalar();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd128 LoadPartial(float* p, int count, Simd128 fill)
    {
        Simd128 buffer = fill;
        float* lanes = (float*)&buffer;
        for (int i = 0; i < count; i++) lanes[i] = p[i];
        return buffer;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StorePartial(Simd128 x, float* p, int count)
    {
        float* lanes = (float*)&x;
        for (int i = 0; i < count; i++) p[i] = lanes[i];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd128 LoadPartialBFloat16(ushort* p, int count, Simd128 fill)
    {
        Simd128 buffer = fill;
        float* lanes = (float*)&buffer;
        for (int i = 0; i < count; i++) lanes[i] = Converter.ToSingle(p[i]);
        return buffer;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StorePartialBFloat16(Simd128 x, ushort* p, int count)
    {
        Vector128<uint> upper = UpperHalves(x);
        uint* lanes = (uint*)&upper;
        for (int i = 0; i < count; i++) p[i] = (ushort)lanes[i];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd128 operator +(Simd128 a, Simd128 b) => new(a._v + b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd128 operator -(Simd128 a, Simd128 b) => new(a._v - b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd128 operator *(Simd128 a, Simd128 b) => new(a._v * b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd128 MultiplyAdd(Simd128 a, Simd128 b, Simd128 c) => new(Vector128.MultiplyAddEstimate(a._v, b._v, c._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd128 Max(Simd128 first, Simd128 second) => new(Vector128.MaxNative(first._v, second._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd128 Min(Simd128 first, Simd128 second) => new(Vector128.MinNative(first._v, second._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd128 Abs(Simd128 x) => new(Vector128.Abs(x._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd128 CopySign(Simd128 magnitude, Simd128 sign) => new(Vector128.CopySign(magnitude._v, sign._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd128 Round(Simd128 x) => new(Vector128.Round(x._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd128 Reciprocal(Simd128 x) => new(Vector128<float>.One / x._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd128 ScaleByPowerOfTwo(Simd128 x, Simd128 n)
    {
        // 2ⁿ is the float whose exponent field is n + 127.
        Vector128<int> exponent = Vector128.ConvertToInt32Native(n._v) + Vector128.Create(127);
        return new(x._v * Vector128.ShiftLeft(exponent, 23).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd128 SelectLessOrEqual(Simd128 a, Simd128 b, Simd128 ifTrue, Simd128 ifFalse) =>
        new(Vector128.ConditionalSelect(Vector128.LessThanOrEqual(a._v, b._v), ifTrue._v, ifFalse._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd128 SelectFirst(int count, Simd128 first, Simd128 others)
    {
        Vector128<float> isFirst = Vector128.LessThan(Vector128<int>.Indices, Vector128.Create(count)).AsSingle();
        return new(Vector128.ConditionalSelect(isFirst, first._v, others._v));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Simd128 x) => Vector128.Sum(x._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float MaxLane(Simd128 x)
    {
        Vector128<float> pairs = Vector128.MaxNative(x._v, Vector128.Shuffle(x._v, Vector128.Create(2, 3, 0, 1)));
        return Math.Max(pairs.GetElement(0), pairs.GetElement(1));
    }

    // The bfloat16 numbers nearest to the lanes, each in the lower half of its lane.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<uint> UpperHalves(Simd128 x)
    {
        // Adding half of the last kept bit, less one when that bit is even, carries exactly when the rule rounds up.
        // The addition would turn some NaNs into infinity: those keep their upper half, made quiet.
        Vector128<uint> bits = x._v.AsUInt32();
        Vector128<uint> odd = Vector128.ShiftRightLogical(bits, 16) & Vector128<uint>.One;
        Vector128<uint> rounded = bits + Vector128.Create(0x7FFFu) + odd;
        Vector128<uint> quiet = bits | Vector128.Create(0x0040_0000u);
        Vector128<uint> isNumber = Vector128.Equals(x._v, x._v).AsUInt32();
        return Vector128.ShiftRightLogical(Vector128.ConditionalSelect(isNumber, rounded, quiet), 16);
    }
}
