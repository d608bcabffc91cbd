using System.Numerics;

namespace AdaptFormer.Tensors.Backends.Cpu.Simd;

/// <summary>
/// A vector of single-precision lanes. Kernels are written once over this and compiled by the runtime for each width
/// (<see cref="Simd512"/>, <see cref="Simd256"/>, <see cref="Simd128"/>); every member becomes one or a few instructions.
/// All lanes do the same, so a value does not depend on the lane, only on the width's choice of instructions.
/// </summary>
internal unsafe interface ISimd<TSelf> :
    IAdditionOperators<TSelf, TSelf, TSelf>, ISubtractionOperators<TSelf, TSelf, TSelf>, IMultiplyOperators<TSelf, TSelf, TSelf>
    where TSelf : struct, ISimd<TSelf>
{
    /// <summary>Number of lanes, a power of two.</summary>
    static abstract int Count { get; }

    /// <summary>All lanes zero.</summary>
    static abstract TSelf Zero { get; }

    /// <summary>All lanes <paramref name="value"/>.</summary>
    static abstract TSelf Create(float value);

    /// <summary>Reads <see cref="Count"/> floats, at any alignment.</summary>
    static abstract TSelf Load(float* p);

    /// <summary>Writes all lanes, at any alignment.</summary>
    static abstract void Store(TSelf x, float* p);

    /// <summary>a − b of <see cref="Count"/> whole numbers each, exact and then rounded once.</summary>
    static abstract TSelf LoadDifference(int* a, int* b);

    /// <summary>Writes the whole numbers nearest to the lanes (ties to even), each plus <paramref name="zero"/>, as bytes; sums from 0
    /// to 255.</summary>
    static abstract void StoreBytes(TSelf x, int zero, byte* p);

    /// <summary>Reads <see cref="Count"/> bfloat16 numbers.</summary>
    static abstract TSelf LoadBFloat16(ushort* p);

    /// <summary>Writes all lanes as bfloat16, rounded to nearest even; NaN stays NaN.</summary>
    static abstract void StoreBFloat16(TSelf x, ushort* p);

    /// <summary>Reads the first <paramref name="count"/> (1 to Count−1) lanes from memory and the others from
    /// <paramref name="fill"/>.</summary>
    static abstract TSelf LoadPartial(float* p, int count, TSelf fill);

    /// <summary>Writes the first <paramref name="count"/> (1 to Count−1) lanes.</summary>
    static abstract void StorePartial(TSelf x, float* p, int count);

    /// <summary><see cref="LoadPartial"/> of bfloat16 numbers.</summary>
    static abstract TSelf LoadPartialBFloat16(ushort* p, int count, TSelf fill);

    /// <summary><see cref="StorePartial"/> of bfloat16 numbers, rounded as <see cref="StoreBFloat16"/> does.</summary>
    static abstract void StorePartialBFloat16(TSelf x, ushort* p, int count);

    /// <summary>a·b + c, rounded once where the machine can.</summary>
    static abstract TSelf MultiplyAdd(TSelf a, TSelf b, TSelf c);

    /// <summary>The larger, lane by lane; <paramref name="second"/> where either is NaN.</summary>
    static abstract TSelf Max(TSelf first, TSelf second);

    /// <summary>The smaller, lane by lane; <paramref name="second"/> where either is NaN.</summary>
    static abstract TSelf Min(TSelf first, TSelf second);

    /// <summary>|x|.</summary>
    static abstract TSelf Abs(TSelf x);

    /// <summary>The magnitude of one number with the sign of another.</summary>
    static abstract TSelf CopySign(TSelf magnitude, TSelf sign);

    /// <summary>The nearest integer, ties to even.</summary>
    static abstract TSelf Round(TSelf x);

    /// <summary>1/x for normal x whose inverse is normal, within 1.5e-7 relative; NaN for NaN.</summary>
    static abstract TSelf Reciprocal(TSelf x);

    /// <summary>x·2ⁿ for integral n in [−126, 0]. NaN where x is NaN.</summary>
    static abstract TSelf ScaleByPowerOfTwo(TSelf x, TSelf n);

    /// <summary>a &lt;= b ? ifTrue : ifFalse, lane by lane; NaN compares false.</summary>
    static abstract TSelf SelectLessOrEqual(TSelf a, TSelf b, TSelf ifTrue, TSelf ifFalse);

    /// <summary>Lanes below <paramref name="count"/> from one vector, the others from another.</summary>
    static abstract TSelf SelectFirst(int count, TSelf first, TSelf others);

    /// <summary>Sum of all lanes, in a fixed order.</summary>
    static abstract float Sum(TSelf x);

    /// <summary>Largest lane.</summary>
    static abstract float MaxLane(TSelf x);
}
