using AdaptFormer.Tensors.Memory;

namespace AdaptFormer.Tensors;

/// <summary>
/// A counted reference to memory: a block of the pool, or memory that somebody else owns and keeps alive (a mapped weights
/// file, a slice of a flat parameter buffer). Tensors share it; the last <see cref="Release"/> gives it back.
/// </summary>
internal sealed class Storage
{
    private readonly object? _owner;
    private readonly long _capacity;
    private int _references = 1;

    private Storage(nint pointer, long bytes, long capacity, object? owner)
    {
        (Pointer, Bytes, _capacity, _owner) = (pointer, bytes, capacity, owner);
        if (capacity == 0) GC.SuppressFinalize(this);
    }

    /// <summary>A block was leaked to the garbage collector: it still returns to the pool.</summary>
    ~Storage()
    {
        if (_references > 0 && _capacity > 0) BufferPool.Return(Pointer, _capacity);
    }

    public nint Pointer { get; }

    public long Bytes { get; }

    /// <summary>Somebody else's memory.</summary>
    public bool IsBorrowed => _capacity == 0;

    /// <summary>How many hold it.</summary>
    public int References => Volatile.Read(ref _references);

    public static Storage Rent(long bytes)
    {
        nint pointer = BufferPool.Rent(bytes, out long capacity);
        return new Storage(pointer, bytes, capacity, owner: null);
    }

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
        if (_capacity > 0) BufferPool.Return(Pointer, _capacity);
        GC.KeepAlive(_owner);
    }
}
