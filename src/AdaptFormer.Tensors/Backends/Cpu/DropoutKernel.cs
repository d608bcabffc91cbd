namespace AdaptFormer.Tensors.Backends.Cpu;

/// <summary>Dropout whose mask is a function of (key, position): it needs no memory, and any piece can be made by any thread.</summary>
internal static unsafe class DropoutKernel
{
    private const int BitsEach = 16, PerDraw = 64 / BitsEach;

    /// <summary>y = keep ? x/(1 − rate) : 0. <paramref name="start"/> is the position of the first element and a multiple of 4.</summary>
    public static void Run(nint x, DataType xt, ulong key, long start, float rate, nint y, DataType yt, long n)
    {
        uint threshold = (uint)Math.Round(rate * (1 << BitsEach));
        float factor = 1 / (1 - rate);
        float* buffer = stackalloc float[256];
        for (long done = 0; done < n; done += 256)
        {
            int count = (int)Math.Min(256, n - done);
            Converter.Copy(x + (nint)(done * xt.Size()), xt, (nint)buffer, DataType.Float32, count);
            for (int i = 0; i < count; i += PerDraw)
            {
                ulong bits = Rng.At(key, (ulong)(start + done + i) / PerDraw);
                for (int j = i; j < Math.Min(i + PerDraw, count); j++, bits >>= BitsEach)
                {
                    buffer[j] = (ushort)bits < threshold ? 0 : buffer[j] * factor;
                }
            }

            Converter.Copy((nint)buffer, DataType.Float32, y + (nint)(done * yt.Size()), yt, count);
        }
    }
}
