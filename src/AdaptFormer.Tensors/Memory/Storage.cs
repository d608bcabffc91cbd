using AdaptFormer.Tensors.Memory;

namespace AdaptFormer.Tensors;

/// <summary>
/// A counted reference to memory: a block of the pool, or memory that somebody else owns and keeps alive (a mapped weights
/// file, a slice of a flat parameter buffer). Tensors share it; the last <see cref="Release"/> gives it back.
/// </summary>
internal sealed class Storage
{
    private readonly object? _owner;
    private readonly MemoryMeter? _meter;
    private nint _pointer;
    private long _capacity;
    private int _references = 1;

    private Storage(nint pointer, long bytes, long capacity, object? owner, MemoryMeter? meter = null)
    {
        (_pointer, Bytes, _capacity, _owner, _meter) = (pointer, bytes, capacity, owner, meter);
        if (owner is not null) GC.SuppressFinalize(this);
        meter?.Add(BufferPool.SizeClass(bytes));
    }

    /// <summary>A block was leaked to the garbage collector: it still returns to the pool.</summary>
    ~Storage()
    {
        if (_references > 0 && _capacity > 0) BufferPool.Return(Pointer, _capacity);
    }

    public nint Pointer => _pointer != 0 ? _pointer : Materialize();

    public long Bytes { get; }

    /// <summary>Somebody else's memory.</summary>
    public bool IsBorrowed => _owner is not null;

    /// <summary>How many hold it.</summary>
    public int References => Volatile.Read(ref _references);

    public static Storage Rent(long bytes)
    {
        nint pointer = BufferPool.Rent(bytes, out long capacity);
        return new Storage(pointer, bytes, capacity, owner: null);
    }

    /// <summary>Zeros that take a block of the pool when they are first touched: weights that a file replaces never do.</summary>
    /// <param name="bytes">Their size.</param>
    /// <param name="meter">Counts the block as if it were taken at once; none if null.</param>
    public static Storage RentZeros(long bytes, MemoryMeter? meter = null) => new(0, bytes, 0, owner: null, meter);

    /// <summary>Memory of <paramref name="owner"/>, which is kept reachable; never written by an op, never returned to the pool.</summary>
    public static Storage Borrow(nint pointer, long bytes, object owner) => new(pointer, bytes, 0, owner);

    public Storage Retain()
    {
        Interlocked.Increment(ref _references);
        return this;
    }

    [System.Diagnostics.CodeAnalysis.SuppressMessage("Usage", "CA1816", Justification = "The last release is this type's disposal.")]
    public void Release()
    {
        if (Interlocked.Decrement(ref _references) != 0) return;
        GC.SuppressFinalize(this);
        _meter?.Add(-BufferPool.SizeClass(Bytes));
        if (_capacity > 0) BufferPool.Return(Pointer, _capacity);
        GC.KeepAlive(_owner);
    }

    private unsafe nint Materialize()
    {
        lock (this)
        {
            if (_pointer != 0 || IsBorrowed) return _pointer;
            ObjectDisposedException.ThrowIf(References <= 0, this);
            nint block = BufferPool.Rent(Bytes, out _capacity);
            System.Runtime.InteropServices.NativeMemory.Clear((void*)block, (nuint)Bytes);
            Volatile.Write(ref _pointer, block);
            return block;
        }
    }
}
