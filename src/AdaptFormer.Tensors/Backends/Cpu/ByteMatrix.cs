namespace AdaptFormer.Tensors.Backends.Cpu;

/// <summary>
/// A frozen matrix of 8-bit whole numbers, arranged for products with unsigned bytes. Sums are exact, so every library and every
/// instruction set gives the same numbers. Owns its memory.
/// </summary>
internal abstract unsafe class ByteMatrix : IDisposable
{
    /// <summary>Bytes of native memory held.</summary>
    public abstract long Bytes { get; }

    /// <summary>Which implementation multiplies.</summary>
    public abstract string Implementation { get; }

    /// <summary>Bytes of a row of the left operand: K, and zeros up to a multiple of four.</summary>
    public static int RowBytes(int k) => (k + 3) / 4 * 4;

    /// <summary>C = A·B, on the calling thread alone.</summary>
    /// <param name="worker">The thread's own.</param>
    /// <param name="a">[M, K], rows <see cref="RowBytes"/> apart.</param>
    /// <param name="m">M.</param>
    /// <param name="c">[M, N].</param>
    public abstract void Multiply(Worker worker, byte* a, int m, int* c);

    /// <inheritdoc/>
    public abstract void Dispose();
}
