using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using AdaptFormer.Tensors.Backends.Cpu.Simd;

namespace AdaptFormer.Tensors.Backends.Cpu;

/// <summary>The way of a finished tile to C: bias, activation, scale, sum, rounding to C's type.</summary>
internal static unsafe class GemmStore
{
    /// <summary>Fetches the part of C that a tile will be stored to while the kernel still computes it: the rows of C lie far
    /// apart.</summary>
    public static void Prefetch<V>(in MatMulKey key, int rows, int columns, nint c, int row, int column)
        where V : struct, ISimd<V>
    {
        if (!Sse.IsSupported) return;
        int size = key.C.Type.Size();
        nint step = (nint)key.C.RowStride * size;
        byte* p = (byte*)c + (row * step) + (column * size);
        int bytes = (columns * size) - 1;
        for (int i = 0; i < rows; i++, p += step)
        {
            Sse.Prefetch0(p);
            Sse.Prefetch0(p + (bytes / 2));
            Sse.Prefetch0(p + bytes);
        }
    }

    /// <summary>Stores a tile whose first element belongs to C[<paramref name="row"/>, <paramref name="column"/>].</summary>
    public static void Tile<V>(in MatMulKey key, float* tile, int tileStep, int rows, int columns, float* bias, nint c, int row, int column)
        where V : struct, ISimd<V>
    {
        if (key.C.Type == DataType.Float32) Tile<V, Float32Element>(key, tile, tileStep, rows, columns, bias, c, row, column);
        else Tile<V, BFloat16Element>(key, tile, tileStep, rows, columns, bias, c, row, column);
    }

    private static void Tile<V, TC>(
        in MatMulKey key, float* tile, int tileStep, int rows, int columns, float* bias, nint c, int row, int column)
        where V : struct, ISimd<V>
        where TC : struct, IElement
    {
        c += (nint)(((row * key.C.RowStride) + column) * TC.Size);
        bias = key.Bias ? bias + column : null;
        switch (key.Epilogue)
        {
            case Epilogue.Relu:
                Columns<V, TC, Activation.ReluMap>(tile, tileStep, rows, columns, bias, key.Scale, key.Accumulate, c, key.C.RowStride);
                break;
            case Epilogue.Gelu:
                Columns<V, TC, Activation.GeluMap>(tile, tileStep, rows, columns, bias, key.Scale, key.Accumulate, c, key.C.RowStride);
                break;
            default:
                Columns<V, TC, Identity>(tile, tileStep, rows, columns, bias, key.Scale, key.Accumulate, c, key.C.RowStride);
                break;
        }
    }

    [MethodImpl(Hot.Loop)]
    private static void Columns<V, TC, TMap>(
        float* tile, int tileStep, int rows, int columns, float* bias, float scale, bool accumulate, nint c, long rowStride)
        where V : struct, ISimd<V>
        where TC : struct, IElement
        where TMap : struct, IMap
    {
        V factor = V.Create(scale);
        TMap map = default;
        int j = 0;
        for (; j <= columns - V.Count; j += V.Count)
        {
            V shift = bias == null ? V.Zero : V.Load(bias + j);
            float* from = tile + j;
            long at = j;
            for (int i = 0; i < rows; i++, at += rowStride, from += tileStep)
            {
                V t = map.Apply(V.Load(from) + shift) * factor;
                if (accumulate) t += TC.Load<V>(c, at);
                TC.Store(t, c, at);
            }
        }

        if (j < columns)
        {
            int rest = columns - j;
            V shift = bias == null ? V.Zero : V.LoadPartial(bias + j, rest, V.Zero);
            float* from = tile + j;
            long at = j;
            for (int i = 0; i < rows; i++, at += rowStride, from += tileStep)
            {
                V t = map.Apply(V.Load(from) + shift) * factor;
                if (accumulate) t += TC.LoadPartial(c, at, rest, V.Zero);
                TC.StorePartial(t, c, at, rest);
            }
        }
    }

    private readonly struct Identity : IMap
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Apply<V>(V x)
            where V : struct, ISimd<V> => x;
    }
}
