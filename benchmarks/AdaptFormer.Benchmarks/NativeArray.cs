using System.Runtime.InteropServices;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends.Cpu.Simd;

namespace AdaptFormer.Benchmarks;

/// <summary>64-byte aligned native memory, filled with normal random numbers.</summary>
internal sealed unsafe class NativeArray : IDisposable
{
    public NativeArray(DataType type, long n)
    {
        Type = type;
        Pointer = (nint)NativeMemory.AlignedAlloc((nuint)(n * type.Size()) + 64, 64);
        Rng rng = new(1);
        for (long i = 0; i < n; i++)
        {
            float value = (float)rng.NextNormal();
            if (type == DataType.Float32) Floats[i] = value;
            else ((ushort*)Pointer)[i] = Converter.ToBFloat16(value);
        }
    }

    public DataType Type { get; }

    public nint Pointer { get; }

    public float* Floats => (float*)Pointer;

    public void Dispose() => NativeMemory.AlignedFree((void*)Pointer);
}
