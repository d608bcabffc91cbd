using System.Runtime.CompilerServices;
using AdaptFormer.Tensors.Backends.Cpu.Simd;

namespace AdaptFormer.Tensors.Backends.Cpu;

/// <summary>The way of a finished tile to C: bias, activation, scale, sum, rounding to C's type.</summary>
internal static unsafe class GemmStore
{
    /// <summary>Stores a tile whose first element belongs to C[<paramref name="row"/>, <paramref name="column"/>].</summary>
    public static void Tile<V>(in MatMulKey key, float* tile, int tileStep, int rows, int columns, float* bias, nint c, int row, int column)
        where V : struct, ISimd<V>
    {
        if (key.C.Type == DataType.Float32) Tile<V, Float32Element>(key, tile, tileStep, rows, columns, bias, c, row, column);
        else Tile<V, BFloat16Element>(key, tile, tileStep, rows, columns, bias, c, row, column);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile<V, TC>(in MatMulKey key, float* tile, int tileStep, int rows, int columns, float* bias, nint c, int row, int column)
        where V : struct, ISimd<V>
        where TC : struct, IElement
    {
        V scale = V.Create(key.Scale);
        bool scaled = key.Scale != 1, accumulate = key.Accumulate;
        Epilogue epilogue = key.Epilogue;
        long rowStride = key.C.RowStride;
        for (int j = 0; j < columns; j += V.Count)
        {
            int count = Math.Min(V.Count, columns - j);
            bool whole = count == V.Count;
            V shift = V.Zero;
            if (key.Bias) shift = whole ? V.Load(bias + column + j) : V.LoadPartial(bias + column + j, count, V.Zero);
            long at = (row * rowStride) + column + j;
            float* from = tile + j;
            for (int i = 0; i < rows; i++, at += rowStride, from += tileStep)
            {
                V t = V.Load(from) + shift;
                if (epilogue == Epilogue.Relu) t = VectorMath.Relu(t);
                else if (epilogue == Epilogue.Gelu) t = VectorMath.Gelu(t);
                if (scaled) t *= scale;
                if (whole)
                {
                    if (accumulate) t += TC.Load<V>(c, at);
                    TC.Store(t, c, at);
                }
                else
                {
                    if (accumulate) t += TC.LoadPartial(c, at, count, V.Zero);
                    TC.StorePartial(t, c, at, count);
                }
            }
        }
    }
}
