using AdaptFormer.Tensors.Memory;

namespace AdaptFormer.Tensors;

/// <summary>
/// The host's memory: a block of the pool, or memory that somebody else owns and keeps alive (a mapped weights file, a loaded batch).
/// </summary>
internal sealed class HostStorage : Storage
{
    private readonly Lock _gate = new();
    private readonly object? _owner;
    private readonly MemoryMeter? _meter;
    private nint _pointer;
    private long _capacity;
    private volatile bool _forGood;

    private HostStorage(nint pointer, long bytes, long capacity, object? owner, MemoryMeter? meter = null)
        : base(Device.Host, bytes)
    {
        (_pointer, _capacity, _owner, _meter) = (pointer, capacity, owner, meter);
        if (owner is not null) GC.SuppressFinalize(this);
        meter?.Add(BufferPool.SizeClass(bytes));
    }

    internal override nint Pointer => _pointer != 0 ? _pointer : Materialize();

    internal override bool IsBorrowed => _owner is not null;

    public static HostStorage Rent(long bytes)
    {
        nint pointer = BufferPool.Rent(bytes, out long capacity);
        return new HostStorage(pointer, bytes, capacity, owner: null);
    }

    /// <summary>Zeros that take a block of the pool when they are first touched: weights that a file replaces never do.</summary>
    /// <param name="bytes">Their size.</param>
    /// <param name="meter">Counts the block as if it were taken at once; none if null.</param>
    public static HostStorage RentZeros(long bytes, MemoryMeter? meter = null) => new(0, bytes, 0, owner: null, meter);

    /// <summary>Memory of <paramref name="owner"/>, which is kept reachable; never written by an op, never returned to the pool.</summary>
    public static HostStorage Borrow(nint pointer, long bytes, object owner) => new(pointer, bytes, 0, owner);

    internal override void ReleaseForGood()
    {
        _forGood = true;
        Release();
    }

    protected override void Free()
    {
        _meter?.Add(-BufferPool.SizeClass(Bytes));
        if (_capacity > 0 && _forGood) BufferPool.Discard(_pointer, _capacity);
        else if (_capacity > 0) BufferPool.Return(_pointer, _capacity);
        GC.KeepAlive(_owner);
    }

    private unsafe nint Materialize()
    {
        lock (_gate)
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
