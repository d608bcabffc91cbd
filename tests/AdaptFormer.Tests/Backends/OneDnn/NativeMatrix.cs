using System.Runtime.InteropServices;
using AdaptFormer.Tensors;

namespace AdaptFormer.Tests.Backends.OneDnn;

/// <summary>Native memory of f32 or bf16 elements, read and written as float, with a guard on either side.</summary>
internal sealed unsafe class NativeMatrix : IDisposable
{
    private const int Guard = 64;
    private byte* _memory;

    public NativeMatrix(DataType type, long count)
    {
        (Type, Count) = (type, count);
        nuint bytes = (nuint)((count + 2 * Guard) * type.Size());
        _memory = (byte*)NativeMemory.AlignedAlloc(bytes, 64);
        NativeMemory.Fill(_memory, bytes, 0x5A);
    }

    public DataType Type { get; }

    public long Count { get; }

    public nint Pointer => (nint)(_memory + Guard * Type.Size());

    public float this[long i]
    {
        get => Read(Pointer, Type, i);
        set => Write(Pointer, Type, i, value);
    }

    public static NativeMatrix Random(DataType type, long count, long seed)
    {
        NativeMatrix made = new(type, count);
        Rng rng = new(seed);
        for (long i = 0; i < count; i++) made[i] = (float)rng.NextNormal();
        return made;
    }

    /// <summary>Nothing was written before the first element or after the last.</summary>
    public bool GuardsIntact()
    {
        long guard = Guard * Type.Size();
        for (long i = 0; i < guard; i++)
            if (_memory[i] != 0x5A || _memory[guard + Count * Type.Size() + i] != 0x5A) return false;
        return true;
    }

    public byte[] Bytes() => new Span<byte>((void*)Pointer, checked((int)(Count * Type.Size()))).ToArray();

    public NativeMatrix Copy()
    {
        NativeMatrix copy = new(Type, Count);
        Bytes().CopyTo(new Span<byte>((void*)copy.Pointer, checked((int)(Count * Type.Size()))));
        return copy;
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(_memory);
        _memory = null;
    }

    public static float Read(nint pointer, DataType type, long i) => type == DataType.Float32
        ? ((float*)pointer)[i]
        : BitConverter.UInt32BitsToSingle((uint)((ushort*)pointer)[i] << 16);

    public static void Write(nint pointer, DataType type, long i, float value)
    {
        if (type == DataType.Float32)
        {
            ((float*)pointer)[i] = value;
            return;
        }

        uint bits = BitConverter.SingleToUInt32Bits(value);
        ((ushort*)pointer)[i] = (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16); // to nearest, ties to even
    }
}
