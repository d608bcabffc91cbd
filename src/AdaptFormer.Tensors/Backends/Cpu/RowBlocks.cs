namespace AdaptFormer.Tensors.Backends.Cpu;

/// <summary>
/// Cuts rows into blocks for the workers. The cut follows from the number of rows alone, never from the number of threads: a library may
/// round a row differently with the number of rows in its call, and then each number of threads would give bits of its own. Never one row
/// alone.
/// </summary>
internal readonly struct RowBlocks
{
    // Few rows: pieces that still run at most of the full rate, enough of them for a handful of threads. More rows: blocks as large as a
    // cache likes, of whole tiles (16 rows in bf16), some 16 of them, which share out evenly among any usual number of threads.
    private const int Least = 8, Few = 128, Tile = 16, Smallest = 32, Largest = 256, Wanted = 16;
    private readonly long _rows;
    private readonly int _size;

    /// <summary>Blocks for <paramref name="rows"/> rows.</summary>
    /// <param name="rows">Rows in all, at least 0.</param>
    public RowBlocks(long rows)
        : this(rows, SizeFor(rows))
    {
    }

    private RowBlocks(long rows, int size)
    {
        (_rows, _size) = (rows, size);
        Count = (int)Math.Max(1, (rows / size) + (rows % size >= Least ? 1 : 0));
    }

    /// <summary>Number of blocks, at least 1.</summary>
    public int Count { get; }

    /// <summary>First row and number of rows of one block; the last one takes what is left.</summary>
    public (long Start, int Rows) this[int block]
    {
        get
        {
            long start = (long)block * _size;
            return (start, block == Count - 1 ? checked((int)(_rows - start)) : _size);
        }
    }

    /// <summary>
    /// Blocks for some of the rows of a call, about as large as those that all of its rows would make together, and alike.
    /// </summary>
    /// <param name="rows">Rows of this part, at least 0.</param>
    /// <param name="all">Rows of all parts.</param>
    public static RowBlocks OfPart(long rows, long all)
    {
        int size = SizeFor(all);
        if (rows == all) return new RowBlocks(all);
        long count = Math.Max(1, (rows + (size / 2)) / size), even = Math.Max(1, (rows + count - 1) / count);
        return new RowBlocks(rows, (int)Math.Max(Least, size < Tile ? even : (even + Tile - 1) / Tile * Tile));
    }

    /// <summary>Blocks of a product whose rows are few and whose sum is long: each reads all of the other operand, so there are few of
    /// them.</summary>
    /// <param name="rows">Rows in all, at least 0.</param>
    public static RowBlocks OfWeightGradient(long rows) => new(rows, (int)Math.Clamp(rows / 8 / Tile * Tile, Smallest, Largest));

    private static int SizeFor(long rows) => rows < Few ? Least : (int)Math.Clamp(rows / Wanted / Tile * Tile, Smallest, Largest);
}
