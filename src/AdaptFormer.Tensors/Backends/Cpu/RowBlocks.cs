namespace AdaptFormer.Tensors.Backends.Cpu;

/// <summary>
/// Cuts rows into blocks of nearly equal size for the workers: small enough that a block and its results stay in the second-level
/// cache, a multiple of the thread count so that nobody waits, never one row alone (oneDNN 3.x rounds that case differently).
/// </summary>
internal readonly struct RowBlocks
{
    private const int Preferred = 256, Smallest = 8;
    private readonly long _size, _larger;

    /// <summary>Blocks for <paramref name="rows"/> rows.</summary>
    public RowBlocks(long rows, int preferred = Preferred)
    {
        long threads = CpuParallel.Threads;
        long wanted = (rows + (preferred * threads) - 1) / (preferred * threads) * threads;
        Count = (int)Math.Clamp(wanted, 1, Math.Max(1, rows / Smallest));
        (_size, _larger) = Math.DivRem(rows, Count);
    }

    /// <summary>Number of blocks, at least 1.</summary>
    public int Count { get; }

    /// <summary>First row and number of rows of one block.</summary>
    public (long Start, int Rows) this[int block] =>
        ((block * _size) + Math.Min(block, _larger), (int)(_size + (block < _larger ? 1 : 0)));
}
