using System.Runtime.Intrinsics;
using AdaptFormer.Tensors.Backends.Cpu.Simd;

namespace AdaptFormer.Tensors.Backends.Cpu;

/// <summary>Dropout whose mask is a function of (key, position): it needs no memory, and any piece can be made by any thread.</summary>
internal static unsafe class DropoutKernel
{
    private const int BitsEach = 16, PerDraw = 64 / BitsEach, Lanes = 32, Piece = 512;
    private static readonly Vector512<ulong> Eight = Vector512.Create(0UL, 1, 2, 3, 4, 5, 6, 7);

    /// <summary>y = keep ? x/(1 − rate) : 0. <paramref name="start"/> is the position of the first element and a multiple of
    /// 32.</summary>
    public static void Run(nint x, DataType xt, ulong key, long start, float rate, nint y, DataType yt, long n)
    {
        uint threshold = (uint)Math.Round(rate * (1 << BitsEach));
        float factor = 1 / (1 - rate);
        float* buffer = stackalloc float[Piece];
        for (long done = 0; done < n; done += Piece)
        {
            int count = (int)Math.Min(Piece, n - done);
            Converter.Copy(x + (nint)(done * xt.Size()), xt, (nint)buffer, DataType.Float32, count);
            for (int i = 0; i < count; i += Lanes) Mask(buffer + i, key, (ulong)(start + done + i) / PerDraw, threshold, factor);
            Converter.Copy((nint)buffer, DataType.Float32, y + (nint)(done * yt.Size()), yt, count);
        }
    }

    /// <summary>
    /// 32 elements from eight draws: the lanes hold <see cref="Rng.At(ulong, ulong)"/> of eight neighbouring counters, and each draw's four
    /// 16-bit words decide four elements. Rows behind the end of a piece are scratch, so no tail is needed.
    /// </summary>
    private static void Mask(float* values, ulong key, ulong draw, uint threshold, float factor)
    {
        Vector512<ushort> words = Rng.At(key, Vector512.Create(draw) + Eight).AsUInt16();
        (Vector512<uint> low, Vector512<uint> high) = Vector512.Widen(words);
        Vector512<uint> limit = Vector512.Create(threshold);
        (Vector512.GreaterThanOrEqual(low, limit).AsSingle() & (Vector512.Load(values) * factor)).Store(values);
        (Vector512.GreaterThanOrEqual(high, limit).AsSingle() & (Vector512.Load(values + 16) * factor)).Store(values + 16);
    }
}
