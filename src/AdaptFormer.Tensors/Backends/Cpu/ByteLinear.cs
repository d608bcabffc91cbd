using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using AdaptFormer.Tensors.Backends.Cpu.Simd;

namespace AdaptFormer.Tensors.Backends.Cpu;

/// <summary>
/// A linear layer whose product runs in 8 bits: each row of x gets a step of its own, x ≈ step·(code − 128), the sums are whole
/// numbers, and what follows is f32. A row's result depends on that row alone.
/// </summary>
internal static unsafe class ByteLinear
{
    /// <summary>The code that stands for zero.</summary>
    public const int Zero = 128;

    private const float LargestCode = 127;

    /// <summary>y = residual + scale·f(x·Wᵀ + b) for some rows.</summary>
    /// <param name="worker">The thread's own.</param>
    /// <param name="weight">W, [N, K].</param>
    /// <param name="x">[M, K].</param>
    /// <param name="m">M.</param>
    /// <param name="k">K.</param>
    /// <param name="n">N.</param>
    /// <param name="bias">[N]; none if null.</param>
    /// <param name="residual">[M, N]; none if null. It may be y.</param>
    /// <param name="scale">Factor on the layer's own part.</param>
    /// <param name="epilogue">f.</param>
    /// <param name="y">[M, N].</param>
    public static void Run(
        Worker worker, ByteForm weight, float* x, int m, int k, int n, float* bias, float* residual, float scale, Epilogue epilogue,
        float* y)
    {
        int stride = ByteMatrix.RowBytes(k);
        long codeBytes = (((long)m * stride) + 63) / 64 * 64, stepBytes = ((m * sizeof(float)) + 63L) / 64 * 64;
        byte* space = worker.Workspace((nuint)(codeBytes + stepBytes + ((long)m * n * sizeof(int))));
        float* steps = (float*)(space + codeBytes);
        int* sums = (int*)(space + codeBytes + stepBytes);
        for (int row = 0; row < m; row++) steps[row] = Encode(x + ((long)row * k), k, space + ((long)row * stride), stride);
        weight.Matrix.Multiply(worker, space, m, sums);

        // Without a residual y takes the layer's own part at once. With one that part stays where the sums are: y may be the residual.
        float* products = residual is null ? y : (float*)sums;
        fixed (float* perOutput = weight.Steps)
        fixed (int* shifts = weight.Shifts)
        {
            for (int row = 0; row < m; row++)
                Decode(sums + ((long)row * n), steps[row], perOutput, shifts, bias, n, products + ((long)row * n));
        }

        long count = (long)m * n;
        if (epilogue == Epilogue.Relu) Activation.Relu((nint)products, DataType.Float32, (nint)products, DataType.Float32, count);
        if (epilogue == Epilogue.Gelu) Activation.Gelu((nint)products, DataType.Float32, (nint)products, DataType.Float32, count);
        if (residual is null)
        {
            if (scale != 1) Elementwise.Scale((nint)y, DataType.Float32, scale, (nint)y, DataType.Float32, count);
        }
        else
        {
            if (residual != y) Buffer.MemoryCopy(residual, y, count * sizeof(float), count * sizeof(float));
            Elementwise.AddInto(y, (nint)products, DataType.Float32, scale, count);
        }
    }

    /// <summary>The codes of a row, and its step.</summary>
    [MethodImpl(Hot.Loop)]
    private static float Encode(float* x, int k, byte* codes, int stride)
    {
        Vector256<float> most = default;
        int i = 0;
        for (; i <= k - 8; i += 8) most = Vector256.Max(most, Vector256.Abs(Vector256.Load(x + i)));
        float largest = 0;
        for (int lane = 0; lane < 8; lane++) largest = Math.Max(largest, most[lane]);
        for (; i < k; i++) largest = Math.Max(largest, Math.Abs(x[i]));
        float step = largest == 0 ? 1 : largest / LargestCode, inverse = 1 / step;

        Vector256<float> factor = Vector256.Create(inverse);
        for (i = 0; i <= k - 32; i += 32)
        {
            Vector256<short> low = Vector256.Narrow(Code(x + i, factor), Code(x + i + 8, factor));
            Vector256<short> high = Vector256.Narrow(Code(x + i + 16, factor), Code(x + i + 24, factor));
            Vector256.Narrow(low.AsUInt16(), high.AsUInt16()).Store(codes + i);
        }

        for (; i < k; i++) codes[i] = (byte)((int)MathF.Round(x[i] * inverse) + Zero);
        for (; i < stride; i++) codes[i] = 0;
        return step;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Code(float* x, Vector256<float> factor) =>
        Vector256.ConvertToInt32(Vector256.Round(Vector256.Load(x) * factor)) + Vector256.Create(Zero);

    /// <summary>sum → step·stepOfOutput·(sum − shift) + bias; <paramref name="to"/> may be where the sums are.</summary>
    [MethodImpl(Hot.Loop)]
    private static void Decode(int* sums, float step, float* steps, int* shifts, float* bias, int n, float* to)
    {
        Vector256<float> all = Vector256.Create(step);
        int j = 0;
        for (; j <= n - 8; j += 8)
        {
            Vector256<int> exact = Vector256.Load(sums + j) - Vector256.Load(shifts + j);
            Vector256<float> value = Vector256.ConvertToSingle(exact) * (all * Vector256.Load(steps + j));
            (bias is null ? value : value + Vector256.Load(bias + j)).Store(to + j);
        }

        for (; j < n; j++) to[j] = ((sums[j] - shifts[j]) * (step * steps[j])) + (bias is null ? 0 : bias[j]);
    }
}
