using System.Runtime.InteropServices;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends.Cpu;

namespace AdaptFormer.Benchmarks;

/// <summary>64-byte aligned native memory, filled with normal random numbers.</summary>
internal sealed unsafe class NativeArray : IDisposable
{
    public NativeArray(DataType type, long n)
    {
        Type = type;
        Pointer = (nint)NativeMemory.AlignedAlloc((nuint)(n * type.Size()) + 64, 64);
        Rng rng = new(1);
        for (long i = 0; i < n; i++) Reference.Store(Pointer, type, i, (float)rng.NextNormal());
    }

    public DataType Type { get; }

    public nint Pointer { get; }

    public float* Floats => (float*)Pointer;

    public void Dispose() => NativeMemory.AlignedFree((void*)Pointer);
}
