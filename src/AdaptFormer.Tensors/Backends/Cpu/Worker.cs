using System.Runtime.InteropServices;

namespace AdaptFormer.Tensors.Backends.Cpu;

/// <summary>
/// What one thread needs to run kernels: a grow-only scratch buffer and a slot for a native library's own per-thread state.
/// One per operating-system thread; never shared.
/// </summary>
public sealed unsafe class Worker
{
    [ThreadStatic]
    private static Worker? _current;

    private byte* _scratch;
    private nuint _scratchBytes;

    private Worker()
    {
    }

    /// <summary>The calling thread's worker.</summary>
    public static Worker Current => _current ??= new Worker();

    /// <summary>Per-thread state of the native matmul library (stream, thread limit set); null until it is first used here.</summary>
    public object? NativeState { get; set; }

    /// <summary>
    /// At least <paramref name="bytes"/> bytes, 64-byte aligned, contents undefined, valid until the next call on this
    /// worker. A kernel asks once for everything that it needs.
    /// </summary>
    public byte* Scratch(nuint bytes)
    {
        if (bytes > _scratchBytes)
        {
            NativeMemory.AlignedFree(_scratch);
            _scratchBytes = Math.Max(bytes, _scratchBytes * 2);
            _scratch = (byte*)NativeMemory.AlignedAlloc(_scratchBytes, 64);
        }

        return _scratch;
    }

    /// <summary>Frees the scratch memory when the thread has ended.</summary>
    ~Worker() => NativeMemory.AlignedFree(_scratch);
}
