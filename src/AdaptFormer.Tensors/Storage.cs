namespace AdaptFormer.Tensors;

/// <summary>
/// A counted reference to memory of a device. Tensors share it; the last one gives it back. A device derives its own kind, whose memory
/// only its kernels touch.
/// </summary>
public abstract class Storage
{
    private int _references = 1;

    /// <summary>Memory that one tensor holds.</summary>
    /// <param name="device">Where it lies.</param>
    /// <param name="bytes">How much.</param>
    protected Storage(Device device, long bytes) => (Device, Bytes) = (device, bytes);

    /// <summary>Memory was leaked to the garbage collector: it still goes back.</summary>
    ~Storage()
    {
        if (_references > 0) Free();
    }

    /// <summary>Where it lies.</summary>
    public Device Device { get; }

    /// <summary>How much.</summary>
    public long Bytes { get; }

    /// <summary>How many hold it.</summary>
    internal int References => Volatile.Read(ref _references);

    /// <summary>Its address in the host's memory.</summary>
    /// <exception cref="InvalidOperationException">It lies on another device.</exception>
    internal virtual nint Pointer =>
        throw new InvalidOperationException($"These numbers lie on {Device}, whose memory the host cannot read; ToArray makes a copy.");

    /// <summary>Somebody else's memory, never written.</summary>
    internal virtual bool IsBorrowed => false;

    internal Storage Retain()
    {
        Interlocked.Increment(ref _references);
        return this;
    }

    [System.Diagnostics.CodeAnalysis.SuppressMessage("Usage", "CA1816", Justification = "The last release is this type's disposal.")]
    internal void Release()
    {
        if (Interlocked.Decrement(ref _references) != 0) return;
        GC.SuppressFinalize(this);
        Free();
    }

    /// <summary>As <see cref="Release"/>, for memory of a kind that will not be asked for again: it need not wait for that.</summary>
    internal virtual void ReleaseForGood() => Release();

    /// <summary>Gives the memory back; called once, on any thread.</summary>
    protected abstract void Free();
}
