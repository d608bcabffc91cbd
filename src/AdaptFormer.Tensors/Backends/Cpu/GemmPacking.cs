using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using AdaptFormer.Tensors.Backends.Cpu.Simd;

namespace AdaptFormer.Tensors.Backends.Cpu;

/// <summary>
/// Rearranges a block of A or B into a panel: for each k the numbers of <c>width</c> rows of A (columns of B), side by side, in f32.
/// The kernel then reads memory in one sweep, whatever the strides of the operand were.
/// </summary>
internal static unsafe class GemmPacking
{
    private const int RunLength = 64;
    private const int PrefetchRows = 16;

    /// <summary>panel[kk·width + lane] = source[lane·laneStride + kk·kStride], 0 for lanes from <paramref name="lanes"/> to
    /// <paramref name="width"/>.</summary>
    public static void Panel(nint source, DataType type, long laneStride, long kStride, int lanes, int width, int k, float* panel)
    {
        if (type == DataType.Float32) Panel<Float32Element>(source, laneStride, kStride, lanes, width, k, panel);
        else Panel<BFloat16Element>(source, laneStride, kStride, lanes, width, k, panel);
    }

    private static void Panel<T>(nint source, long laneStride, long kStride, int lanes, int width, int k, float* panel)
        where T : struct, IElement
    {
        if (lanes < width) Clear(lanes, width, k, panel);
        if (laneStride == 1) Rows<T>(source, kStride, lanes, width, k, panel);
        else if (kStride == 1) Columns<T>(source, laneStride, lanes, width, k, panel);
        else Elements<T>(source, laneStride, kStride, 0, lanes, 0, width, k, panel);
    }

    private static void Clear(int lanes, int width, int k, float* panel)
    {
        for (int kk = 0; kk < k; kk++) new Span<float>(panel + ((long)kk * width) + lanes, width - lanes).Clear();
    }

    // The numbers of one k are neighbours already: copy them.
    [MethodImpl(Hot.Loop)]
    private static void Rows<T>(nint source, long kStride, int lanes, int width, int k, float* panel)
        where T : struct, IElement
    {
        for (int kk = 0; kk < k; kk++, panel += width)
        {
            long at = kk * kStride;
            if (Sse.IsSupported)
            {
                // Rows lie pages apart, where the hardware does not look ahead.
                byte* ahead = (byte*)source + ((at + (PrefetchRows * kStride)) * T.Size);
                Sse.Prefetch0(ahead);
                Sse.Prefetch0(ahead + ((lanes - 1) * T.Size));
            }

            int lane = 0;
            if (Avx512F.IsSupported)
            {
                for (; lane <= lanes - 16; lane += 16) Simd512.Store(T.Load<Simd512>(source, at + lane), panel + lane);
            }

            if (Avx2.IsSupported)
            {
                for (; lane <= lanes - 8; lane += 8) Simd256.Store(T.Load<Simd256>(source, at + lane), panel + lane);
            }

            for (; lane <= lanes - 4; lane += 4) Simd128.Store(T.Load<Simd128>(source, at + lane), panel + lane);
            for (; lane < lanes; lane++) panel[lane] = Scalar<T>(source, at + lane);
        }
    }

    // The numbers of one lane are neighbours: transpose blocks of 4×4, in runs of k whose part of the panel fits the first-level cache.
    private static void Columns<T>(nint source, long laneStride, int lanes, int width, int k, float* panel)
        where T : struct, IElement
    {
        for (int kk = 0; kk < k; kk += RunLength)
            Run<T>(source + (nint)(kk * T.Size), laneStride, lanes, width, Math.Min(RunLength, k - kk), panel + ((long)kk * width));
    }

    [MethodImpl(Hot.Loop)]
    private static void Run<T>(nint source, long laneStride, int lanes, int width, int k, float* panel)
        where T : struct, IElement
    {
        int lane = 0;
        for (; lane <= lanes - 4; lane += 4)
        {
            long at0 = lane * laneStride, at1 = at0 + laneStride, at2 = at1 + laneStride, at3 = at2 + laneStride;
            float* to = panel + lane;
            int kk = 0;
            if (Avx512F.IsSupported)
            {
                for (; kk <= k - 16; kk += 16, to += 16 * (long)width)
                    Transpose4x16<T>(source, at0 + kk, at1 + kk, at2 + kk, at3 + kk, to, width);
            }

            for (; kk <= k - 4; kk += 4, to += 4 * (long)width)
                Transpose4x4<T>(source, at0 + kk, at1 + kk, at2 + kk, at3 + kk, to, width);

            if (kk < k) Elements<T>(source, laneStride, 1, lane, lane + 4, kk, width, k, panel);
        }

        if (lane < lanes) Elements<T>(source, laneStride, 1, lane, lanes, 0, width, k, panel);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose4x4<T>(nint source, long at0, long at1, long at2, long at3, float* to, nint width)
        where T : struct, IElement
    {
        Vector128<float> r0 = T.Load<Simd128>(source, at0).Vector, r1 = T.Load<Simd128>(source, at1).Vector;
        Vector128<float> r2 = T.Load<Simd128>(source, at2).Vector, r3 = T.Load<Simd128>(source, at3).Vector;
        Vector128<float> low01 = ZipLow(r0, r1), high01 = ZipHigh(r0, r1), low23 = ZipLow(r2, r3), high23 = ZipHigh(r2, r3);
        LowerHalves(low01, low23).Store(to);
        UpperHalves(low01, low23).Store(to + width);
        LowerHalves(high01, high23).Store(to + (2 * width));
        UpperHalves(high01, high23).Store(to + (3 * width));
    }

    // Four blocks of 4×4 at once: the zips work within each quarter of the registers, which then are the blocks' columns.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose4x16<T>(nint source, long at0, long at1, long at2, long at3, float* to, nint width)
        where T : struct, IElement
    {
        Vector512<float> r0 = T.Load<Simd512>(source, at0).Vector, r1 = T.Load<Simd512>(source, at1).Vector;
        Vector512<float> r2 = T.Load<Simd512>(source, at2).Vector, r3 = T.Load<Simd512>(source, at3).Vector;
        Vector512<double> low01 = Avx512F.UnpackLow(r0, r1).AsDouble(), high01 = Avx512F.UnpackHigh(r0, r1).AsDouble();
        Vector512<double> low23 = Avx512F.UnpackLow(r2, r3).AsDouble(), high23 = Avx512F.UnpackHigh(r2, r3).AsDouble();
        StoreQuarters(Avx512F.UnpackLow(low01, low23).AsSingle(), to, 4 * width);
        StoreQuarters(Avx512F.UnpackHigh(low01, low23).AsSingle(), to + width, 4 * width);
        StoreQuarters(Avx512F.UnpackLow(high01, high23).AsSingle(), to + (2 * width), 4 * width);
        StoreQuarters(Avx512F.UnpackHigh(high01, high23).AsSingle(), to + (3 * width), 4 * width);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreQuarters(Vector512<float> x, float* to, nint step)
    {
        Avx512F.ExtractVector128(x, 0).Store(to);
        Avx512F.ExtractVector128(x, 1).Store(to + step);
        Avx512F.ExtractVector128(x, 2).Store(to + (2 * step));
        Avx512F.ExtractVector128(x, 3).Store(to + (3 * step));
    }

    private static void Elements<T>(
        nint source, long laneStride, long kStride, int lane, int lanes, int firstK, int width, int k, float* panel)
        where T : struct, IElement
    {
        for (; lane < lanes; lane++)
        {
            for (int kk = firstK; kk < k; kk++) panel[((long)kk * width) + lane] = Scalar<T>(source, (lane * laneStride) + (kk * kStride));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Scalar<T>(nint p, long i)
        where T : struct, IElement =>
        typeof(T) == typeof(Float32Element) ? ((float*)p)[i] : Converter.ToSingle(((ushort*)p)[i]);

    // a0 b0 a1 b1
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> ZipLow(Vector128<float> a, Vector128<float> b)
    {
        if (Sse.IsSupported) return Sse.UnpackLow(a, b);
        if (AdvSimd.Arm64.IsSupported) return AdvSimd.Arm64.ZipLow(a, b);
        return Vector128.Create(a[0], b[0], a[1], b[1]);
    }

    // a2 b2 a3 b3
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> ZipHigh(Vector128<float> a, Vector128<float> b)
    {
        if (Sse.IsSupported) return Sse.UnpackHigh(a, b);
        if (AdvSimd.Arm64.IsSupported) return AdvSimd.Arm64.ZipHigh(a, b);
        return Vector128.Create(a[2], b[2], a[3], b[3]);
    }

    // a0 a1 b0 b1
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> LowerHalves(Vector128<float> a, Vector128<float> b) =>
        Sse.IsSupported ? Sse.MoveLowToHigh(a, b) : Vector128.Create(a.GetLower(), b.GetLower());

    // a2 a3 b2 b3
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> UpperHalves(Vector128<float> a, Vector128<float> b) =>
        Sse.IsSupported ? Sse.MoveHighToLow(b, a) : Vector128.Create(a.GetUpper(), b.GetUpper());
}
