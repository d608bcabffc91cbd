using System.Runtime.InteropServices;

namespace AdaptFormer.Tensors.Backends.Cpu;

/// <summary>
/// What one thread needs to run kernels: a grow-only scratch buffer and a slot for a native library's own per-thread state.
/// One per operating-system thread; never shared.
/// </summary>
internal sealed unsafe class Worker
{
    [ThreadStatic]
    private static Worker? _current;

    private byte* _scratch, _workspace;
    private nuint _scratchBytes, _workspaceBytes;

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
    public byte* Scratch(nuint bytes) => Grow(ref _scratch, ref _scratchBytes, bytes);

    /// <summary>As <see cref="Scratch"/>, for the code that calls kernels: a matmul plan run on this worker does not touch it.</summary>
    public byte* Workspace(nuint bytes) => Grow(ref _workspace, ref _workspaceBytes, bytes);

    /// <summary>Frees the memory when the thread has ended.</summary>
    ~Worker()
    {
        NativeMemory.AlignedFree(_scratch);
        NativeMemory.AlignedFree(_workspace);
    }

    private static byte* Grow(ref byte* block, ref nuint capacity, nuint bytes)
    {
        if (bytes > capacity)
        {
            NativeMemory.AlignedFree(block);
            capacity = Math.Max(bytes, capacity * 2);
            block = (byte*)NativeMemory.AlignedAlloc(capacity, 64);
        }

        return block;
    }
}
