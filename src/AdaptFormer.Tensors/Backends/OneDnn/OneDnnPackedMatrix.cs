using System.Collections.Concurrent;
using System.Diagnostics;
using AdaptFormer.Tensors.Backends.Cpu;
using AdaptFormer.Tensors.Memory;

namespace AdaptFormer.Tensors.Backends.OneDnn;

/// <summary>Frozen weights in the layout that every plan for their (K, N, type) reads.</summary>
internal sealed unsafe class OneDnnPackedMatrix : PackedMatrix
{
    // oneDNN reads whatever the pointer leads to, so debug builds know which pointers hold which layout.
    private static readonly ConcurrentDictionary<nint, WeightLayout> Live = new();

    private void* _memory;

    private OneDnnPackedMatrix(WeightLayout layout)
    {
        Bytes = layout.Bytes;
        _memory = (void*)SystemMemory.Allocate(layout.Bytes);
        Remember((nint)_memory, layout);
    }

    /// <inheritdoc/>
    public override nint Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(_memory == null, this);
            return (nint)_memory;
        }
    }

    /// <inheritdoc/>
    public override long Bytes { get; }

    /// <summary>Copies the K×N matrix at <paramref name="source"/>, of any layout and type, into <paramref name="layout"/>.</summary>
    public static OneDnnPackedMatrix Pack(OneDnnRuntime runtime, WeightLayout layout, int k, int n, nint source, Operand sourceLayout)
    {
        string subject = $"packing weights [{k}x{n}]";
        OneDnnPackedMatrix packed = new(layout);
        nint desc = 0;
        try
        {
            desc = OneDnnDescriptors.Describe(runtime.Api, batch: 1, k, n, sourceLayout, subject);
            OneDnnCopy.Run(runtime, Worker.Current, desc, source, layout.Desc, packed.Pointer, subject);
            return packed;
        }
        catch
        {
            packed.Dispose();
            throw;
        }
        finally
        {
            runtime.Api.Release(desc);
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees weights that nobody disposed of.</summary>
    ~OneDnnPackedMatrix() => Free();

    /// <summary>In debug builds, fails when <paramref name="pointer"/> is not a live packed matrix of the size that <paramref name="desc"/>
    /// describes.</summary>
    [Conditional("DEBUG")]
    public static void AssertLive(nint pointer, nint desc, string subject) => Debug.Assert(
        Live.TryGetValue(pointer, out WeightLayout? layout) && layout.Bytes == (long)NativeMethods.dnnl_memory_desc_get_size(desc),
        $"oneDNN: {subject} needs B packed by the same library for the same K, N and type.");

    private void Free()
    {
        if (_memory == null) return;
        Forget((nint)_memory);
        SystemMemory.Free((nint)_memory, Bytes);
        _memory = null;
    }

    [Conditional("DEBUG")]
    private static void Remember(nint pointer, WeightLayout layout) => Live[pointer] = layout;

    [Conditional("DEBUG")]
    private static void Forget(nint pointer) => Live.TryRemove(pointer, out _);
}
