using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using AdaptFormer.Tensors.Backends.Cpu.Simd;

namespace AdaptFormer.Tensors.Backends.Cpu;

/// <summary>
/// GELU with its derivative kept in one or two bytes: the backward pass reads nothing else of the layer, so a pass keeps half of what
/// the pre-activation would take, and multiplies instead of evaluating the derivative again.
/// </summary>
/// <remarks>
/// The derivative lies in [−0.1291, 1.1291]. The code is round(202·slope) + 26 in a byte, for bf16, and round(51200·slope) + 6656 in
/// two, for f32: 0 and 1, the values of all units that are far off or far on, are exact. Others are within 1/404, which is what bf16
/// rounding does to a number near 1, and within 1/102400.
/// </remarks>
internal static unsafe class GeluSlope
{
    private const int Piece = 256;

    /// <summary>y = GELU(x), and the code of GELU′(x).</summary>
    public static void Forward(nint x, DataType xt, nint y, DataType yt, nint code, DataType ct, long n)
    {
        float* buffer = stackalloc float[2 * Piece];
        float* slope = buffer + Piece;
        for (long done = 0; done < n; done += Piece)
        {
            int count = (int)Math.Min(Piece, n - done);
            Converter.Copy(x + (nint)(done * xt.Size()), xt, (nint)buffer, DataType.Float32, count);
            if (Vector512.IsHardwareAccelerated) Evaluate<Simd512>(buffer, slope, count);
            else if (Vector256.IsHardwareAccelerated) Evaluate<Simd256>(buffer, slope, count);
            else Evaluate<Simd128>(buffer, slope, count);
            Converter.Copy((nint)buffer, DataType.Float32, y + (nint)(done * yt.Size()), yt, count);
            if (ct == DataType.Code8) Encode(slope, (byte*)code + done, count);
            else Encode(slope, (ushort*)code + done, count);
        }
    }

    /// <summary>dx = slope·dy.</summary>
    public static void Backward(nint code, DataType ct, nint dy, DataType dyt, nint dx, DataType dxt, long n)
    {
        float* buffer = stackalloc float[Piece];
        for (long done = 0; done < n; done += Piece)
        {
            int count = (int)Math.Min(Piece, n - done);
            Converter.Copy(dy + (nint)(done * dyt.Size()), dyt, (nint)buffer, DataType.Float32, count);
            if (ct == DataType.Code8) Multiply((byte*)code + done, buffer, count);
            else Multiply((ushort*)code + done, buffer, count);
            Converter.Copy((nint)buffer, DataType.Float32, dx + (nint)(done * dxt.Size()), dxt, count);
        }
    }

    /// <summary>The derivative that a code stands for.</summary>
    public static float Decode(byte code) => (code - Byte.Zero) / Byte.Steps;

    /// <summary>The derivative that a code stands for.</summary>
    public static float Decode(ushort code) => (code - Short.Zero) / Short.Steps;

    // Rows behind the count are scratch in both buffers, so whole vectors serve the tail too.
    [MethodImpl(Hot.Loop)]
    private static void Evaluate<V>(float* values, float* slope, int count)
        where V : struct, ISimd<V>
    {
        for (int i = 0; i < count; i += V.Count)
        {
            V x = V.Load(values + i);
            V tail = VectorMath.NormalTail(x, out V bell);
            V phi = V.SelectLessOrEqual(x, V.Zero, tail, V.Create(1f) - tail);
            V clamped = V.Max(V.Create(-12f), V.Min(V.Create(12f), x));
            V.Store(V.MultiplyAdd(clamped * bell, V.Create(0.398942280f), phi), slope + i);
            V.Store(VectorMath.Relu(x) - (V.Min(V.Create(12f), V.Abs(x)) * tail), values + i);
        }
    }

    [MethodImpl(Hot.Loop)]
    private static void Encode(float* slope, byte* code, int count)
    {
        int i = 0;
        for (; i + 16 <= count; i += 16)
        {
            Vector512<float> scaled = (Vector512.Load(slope + i) * Byte.Steps) + Vector512.Create(Byte.Zero + 0.5f);
            Vector512<int> whole =
                Vector512.ConvertToInt32(Vector512.Min(Vector512.Max(scaled, Vector512<float>.Zero), Vector512.Create(255f)));
            Vector256<short> half = Vector256.Narrow(whole.GetLower(), whole.GetUpper());
            Vector128.Narrow(half.GetLower().AsUInt16(), half.GetUpper().AsUInt16()).Store(code + i);
        }

        for (; i < count; i++) code[i] = (byte)Math.Clamp((slope[i] * Byte.Steps) + (Byte.Zero + 0.5f), 0, 255);
    }

    [MethodImpl(Hot.Loop)]
    private static void Encode(float* slope, ushort* code, int count)
    {
        int i = 0;
        for (; i + 16 <= count; i += 16)
        {
            Vector512<float> scaled = (Vector512.Load(slope + i) * Short.Steps) + Vector512.Create(Short.Zero + 0.5f);
            Vector512<uint> whole =
                Vector512.ConvertToInt32(Vector512.Min(Vector512.Max(scaled, Vector512<float>.Zero), Vector512.Create(65535f))).AsUInt32();
            Vector256.Narrow(whole.GetLower(), whole.GetUpper()).Store(code + i);
        }

        for (; i < count; i++) code[i] = (ushort)Math.Clamp((slope[i] * Short.Steps) + (Short.Zero + 0.5f), 0, 65535);
    }

    [MethodImpl(Hot.Loop)]
    private static void Multiply(byte* code, float* values, int count)
    {
        int i = 0;
        for (; i + 16 <= count; i += 16)
        {
            (Vector128<ushort> low, Vector128<ushort> high) = Vector128.Widen(Vector128.Load(code + i));
            (Vector256<uint> a, Vector256<uint> b) = Vector256.Widen(Vector256.Create(low, high));
            Vector512<float> slope = (Vector512.ConvertToSingle(Vector512.Create(a, b).AsInt32()) - Vector512.Create(Byte.Zero))
                * (1 / Byte.Steps);
            (Vector512.Load(values + i) * slope).Store(values + i);
        }

        for (; i < count; i++) values[i] *= (code[i] - Byte.Zero) * (1 / Byte.Steps);
    }

    [MethodImpl(Hot.Loop)]
    private static void Multiply(ushort* code, float* values, int count)
    {
        int i = 0;
        for (; i + 16 <= count; i += 16)
        {
            (Vector256<uint> a, Vector256<uint> b) = Vector256.Widen(Vector256.Load(code + i));
            Vector512<float> slope = (Vector512.ConvertToSingle(Vector512.Create(a, b).AsInt32()) - Vector512.Create(Short.Zero))
                * (1 / Short.Steps);
            (Vector512.Load(values + i) * slope).Store(values + i);
        }

        for (; i < count; i++) values[i] *= (code[i] - Short.Zero) * (1 / Short.Steps);
    }

    /// <summary>The code of a byte: steps to the unit, and where zero lies.</summary>
    private static class Byte
    {
        public const float Steps = 202, Zero = 26;
    }

    /// <summary>The code of two bytes.</summary>
    private static class Short
    {
        public const float Steps = 51200, Zero = 6656;
    }
}
