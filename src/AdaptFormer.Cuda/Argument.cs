using System.Runtime.InteropServices;
using AdaptFormer.Cuda.Memory;
using AdaptFormer.Tensors;

namespace AdaptFormer.Cuda;

/// <summary>An argument of a kernel: a number in its first bytes, an address, or a tensor as the kernels' <c>Numbers</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct Argument
{
    private readonly long _first, _second;

    private Argument(long first, long second = 0) => (_first, _second) = (first, second);

    /// <summary>Where a tensor lies on its card.</summary>
    public static nint Address(Tensor tensor) => ((CudaStorage)tensor.Storage).Address + (nint)tensor.OffsetBytes;

    /// <summary>The address alone, for a parameter that is a pointer.</summary>
    public static Argument Pointer(Tensor tensor) => new(Address(tensor));

    public static implicit operator Argument(Tensor? tensor) =>
        tensor is null ? default : new Argument(Address(tensor), tensor.Type == DataType.BFloat16 ? 1 : 0);

    public static implicit operator Argument(float value) => new(BitConverter.SingleToInt32Bits(value));

    public static implicit operator Argument(double value) => new(BitConverter.DoubleToInt64Bits(value));

    public static implicit operator Argument(int value) => new(value);

    public static implicit operator Argument(uint value) => new(value);

    public static implicit operator Argument(long value) => new(value);

    public static implicit operator Argument(ulong value) => new(unchecked((long)value));

    public static implicit operator Argument(bool value) => new(value ? 1 : 0);
}
