using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using AdaptFormer.Data.Images;

namespace AdaptFormer.Data.Transforms;

/// <summary>
/// The two passes of a resize on RGB bytes: out = clamp((2^21 + Σ pixel·weight) >> 22). All sums are 32-bit integers, so the
/// order of additions, and with it the vector width, cannot change a result.
/// </summary>
/// <remarks>
/// Pointers may be read up to <see cref="ImageBuffer.Slack"/> bytes past the last pixel, and written likewise by the vertical pass.
/// </remarks>
internal static unsafe class ResizeKernels
{
    private const int Bits = ResizeWeights.FractionBits, Half = 1 << (Bits - 1);

    /// <summary>One row: each of <paramref name="count"/> output pixels from its window of input pixels.</summary>
    public static void Horizontal(byte* row, byte* result, int count, int* first, int* weights, int taps)
    {
        if (Vector512.IsHardwareAccelerated)
            Horizontal512(row, result, count, first, weights, taps);
        else if (Vector256.IsHardwareAccelerated)
            Horizontal256(row, result, count, first, weights, taps);
        else
            Horizontal128(row, result, count, first, weights, taps);
    }

    /// <summary>
    /// Four input pixels a step: 12 bytes spread to lanes r g b 0 | r g b 0 | …, times each pixel's weight; the four groups are added at
    /// the end.
    /// </summary>
    private static void Horizontal512(byte* row, byte* result, int count, int* first, int* weights, int taps)
    {
        Vector128<byte> spread = Vector128.Create((byte)0, 1, 2, 255, 3, 4, 5, 255, 6, 7, 8, 255, 9, 10, 11, 255);
        for (int x = 0; x < count; x++, result += 3)
        {
            byte* pixel = row + (first[x] * 3);
            Vector512<int> sum = Vector512<int>.Zero;
            for (int t = 0; t < taps; t += 4, pixel += 12, weights += 16)
            {
                Vector128<byte> bytes = Vector128.Shuffle(Vector128.Load(pixel), spread);
                sum += Vector512.Load(weights) * Widen512(bytes);
            }

            Vector256<int> halves = sum.GetLower() + sum.GetUpper();
            Store(halves.GetLower() + halves.GetUpper(), result);
        }
    }

    /// <summary>The same with two input pixels a step.</summary>
    private static void Horizontal256(byte* row, byte* result, int count, int* first, int* weights, int taps)
    {
        Vector128<byte> spread = Vector128.Create((byte)0, 1, 2, 255, 3, 4, 5, 255, 255, 255, 255, 255, 255, 255, 255, 255);
        for (int x = 0; x < count; x++, result += 3)
        {
            byte* pixel = row + (first[x] * 3);
            Vector256<int> sum = Vector256<int>.Zero;
            for (int t = 0; t < taps; t += 2, pixel += 6, weights += 8)
            {
                Vector128<byte> bytes = Vector128.Shuffle(Vector128.CreateScalar(*(ulong*)pixel).AsByte(), spread);
                sum += Vector256.Load(weights) * Vector256.WidenLower(Vector256.WidenLower(bytes.ToVector256Unsafe()).AsUInt16()).AsInt32();
            }

            Store(sum.GetLower() + sum.GetUpper(), result);
        }
    }

    /// <summary>The same with one input pixel a step; also what a processor without vectors runs.</summary>
    private static void Horizontal128(byte* row, byte* result, int count, int* first, int* weights, int taps)
    {
        for (int x = 0; x < count; x++, result += 3)
        {
            byte* pixel = row + (first[x] * 3);
            Vector128<int> sum = Vector128<int>.Zero;
            for (int t = 0; t < taps; t++, pixel += 3, weights += 4)
            {
                Vector128<byte> bytes = Vector128.CreateScalar(*(uint*)pixel).AsByte();
                sum += Vector128.Load(weights) * Vector128.WidenLower(Vector128.WidenLower(bytes)).AsInt32();
            }

            Store(sum, result);
        }
    }

    /// <summary>
    /// One row of <paramref name="bytes"/> bytes from <paramref name="taps"/> rows that lie <paramref name="stride"/> bytes apart. Writes
    /// up to 31 bytes more.
    /// </summary>
    public static void Vertical(byte* rows, int stride, byte* result, int bytes, int* weights, int taps)
    {
        if (Vector512.IsHardwareAccelerated)
            Vertical512(rows, stride, result, bytes, weights, taps);
        else
            Vertical128(rows, stride, result, bytes, weights, taps);
    }

    private static void Vertical512(byte* rows, int stride, byte* result, int bytes, int* weights, int taps)
    {
        for (int i = 0; i < bytes; i += 32)
        {
            Vector512<int> a = Vector512.Create(Half), b = a;
            byte* pixel = rows + i;
            for (int t = 0; t < taps; t++, pixel += stride)
            {
                Vector512<int> weight = Vector512.Create(weights[t]);
                a += weight * Widen512(Vector128.Load(pixel));
                b += weight * Widen512(Vector128.Load(pixel + 16));
            }

            Vector512<short> words = Vector512.NarrowWithSaturation(a >> Bits, b >> Bits);
            Vector512<ushort> positive = Vector512.Max(words, Vector512<short>.Zero).AsUInt16();
            Vector256.NarrowWithSaturation(positive.GetLower(), positive.GetUpper()).Store(result + i);
        }
    }

    private static void Vertical128(byte* rows, int stride, byte* result, int bytes, int* weights, int taps)
    {
        for (int i = 0; i < bytes; i += 16)
        {
            Vector128<int> a = Vector128.Create(Half), b = a, c = a, d = a;
            byte* pixel = rows + i;
            for (int t = 0; t < taps; t++, pixel += stride)
            {
                Vector128<int> weight = Vector128.Create(weights[t]);
                (Vector128<ushort> low, Vector128<ushort> high) = Vector128.Widen(Vector128.Load(pixel));
                a += weight * Vector128.WidenLower(low).AsInt32();
                b += weight * Vector128.WidenUpper(low).AsInt32();
                c += weight * Vector128.WidenLower(high).AsInt32();
                d += weight * Vector128.WidenUpper(high).AsInt32();
            }

            Vector128<short> ab = Vector128.NarrowWithSaturation(a >> Bits, b >> Bits);
            Vector128<short> cd = Vector128.NarrowWithSaturation(c >> Bits, d >> Bits);
            Vector128.NarrowWithSaturation(Vector128.Max(ab, default).AsUInt16(), Vector128.Max(cd, default).AsUInt16()).Store(result + i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Widen512(Vector128<byte> bytes) =>
        Vector512.WidenLower(Vector256.WidenLower(bytes.ToVector256Unsafe()).ToVector512Unsafe()).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector128<int> sum, byte* result)
    {
        Vector128<int> value = Vector128.Min(Vector128.Max((sum + Vector128.Create(Half)) >> Bits, Vector128<int>.Zero),
            Vector128.Create(255));
        *(ushort*)result = (ushort)(value[0] | (value[1] << 8));
        result[2] = (byte)value[2];
    }
}
