using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using AdaptFormer.Tensors.Backends.Cpu.Simd;

namespace AdaptFormer.Tensors.Backends.Cpu;

/// <summary>What turns the whole sums of a product in 8 bits into a layer's result, in one sweep:
/// <c>y = residual + scale·f(step·stepOfOutput·(sum − shift) + b)</c>.</summary>
/// <param name="bias">b, [N]; none if null.</param>
/// <param name="scale">Factor on the layer's own part.</param>
/// <param name="epilogue">f.</param>
internal readonly unsafe struct ByteEpilogue(float* bias, float scale, Epilogue epilogue)
{
    /// <summary>Turns one row.</summary>
    /// <param name="sums">[N].</param>
    /// <param name="step">The row's step.</param>
    /// <param name="weight">Has the steps and shifts of the outputs.</param>
    /// <param name="residual">[N]; none if null. It may be y.</param>
    /// <param name="y">[N].</param>
    /// <param name="yt">Type of y.</param>
    public void Decode(int* sums, float step, ByteForm weight, float* residual, nint y, DataType yt)
    {
        fixed (float* steps = weight.Steps)
        fixed (int* shifts = weight.Shifts)
        {
            Row row = new(sums, shifts, steps, bias, residual, step, scale, weight.Steps.Length);
            if (epilogue == Epilogue.Gelu) Run<Activation.GeluMap>(row, y, yt);
            else if (epilogue == Epilogue.Relu) Run<Activation.ReluMap>(row, y, yt);
            else Run<Same>(row, y, yt);
        }
    }

    private static void Run<TOp>(in Row row, nint y, DataType yt)
        where TOp : struct, IMap
    {
        if (Vector512.IsHardwareAccelerated) Run<TOp, Simd512>(row, y, yt);
        else if (Vector256.IsHardwareAccelerated) Run<TOp, Simd256>(row, y, yt);
        else Run<TOp, Simd128>(row, y, yt);
    }

    private static void Run<TOp, V>(in Row row, nint y, DataType yt)
        where TOp : struct, IMap
        where V : struct, ISimd<V>
    {
        if (yt == DataType.Float32) Loop<TOp, V, Float32Element>(row, y);
        else Loop<TOp, V, BFloat16Element>(row, y);
    }

    [MethodImpl(Hot.Loop)]
    private static void Loop<TOp, V, TY>(Row row, nint y)
        where TOp : struct, IMap
        where V : struct, ISimd<V>
        where TY : struct, IElement
    {
        int* sums = row.Sums, shifts = row.Shifts;
        float* steps = row.Steps, bias = row.Bias, residual = row.Residual;
        (V step, V scale, int n, int j) = (V.Create(row.Step), V.Create(row.Scale), row.N, 0);
        for (; j <= n - V.Count; j += V.Count)
        {
            V value = V.LoadDifference(sums + j, shifts + j) * (step * V.Load(steps + j));
            if (bias != null) value += V.Load(bias + j);
            value = default(TOp).Apply(value);
            TY.Store(residual == null ? value * scale : V.MultiplyAdd(value, scale, V.Load(residual + j)), y, j);
        }

        if (j < n)
        {
            int count = n - j;
            int* last = stackalloc int[V.Count];
            int* none = stackalloc int[V.Count];
            for (int i = 0; i < V.Count; i++) (last[i], none[i]) = (i < count ? sums[j + i] - shifts[j + i] : 0, 0);
            V value = V.LoadDifference(last, none) * (step * V.LoadPartial(steps + j, count, V.Zero));
            if (bias != null) value += V.LoadPartial(bias + j, count, V.Zero);
            value = default(TOp).Apply(value);
            V other = residual == null ? V.Zero : V.LoadPartial(residual + j, count, V.Zero);
            TY.StorePartial(residual == null ? value * scale : V.MultiplyAdd(value, scale, other), y, j, count);
        }
    }

    private readonly struct Row(
        int* sums, int* shifts, float* steps, float* bias, float* residual, float step, float scale, int n)
    {
        public readonly int* Sums = sums, Shifts = shifts;
        public readonly float* Steps = steps, Bias = bias, Residual = residual;
        public readonly float Step = step, Scale = scale;
        public readonly int N = n;
    }

    private readonly struct Same : IMap
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Apply<V>(V x)
            where V : struct, ISimd<V> => x;
    }
}
