using System.Runtime.InteropServices;

namespace AdaptFormer.Files;

/// <summary>Copies and converts stored elements, contiguous or strided, into row-major order.</summary>
internal static unsafe class ElementReader
{
    private delegate void RowAction(byte* source, long stride, Span<byte> destination);

    /// <summary>All elements as they are stored.</summary>
    public static void ReadBytes(WeightsEntry entry, byte* source, Span<byte> destination)
    {
        if (entry.IsContiguous)
        {
            new ReadOnlySpan<byte>(source, destination.Length).CopyTo(destination);
            return;
        }

        int size = entry.Type.Size();
        ForEachRow(entry, source, destination, size, (row, stride, to) =>
        {
            if (stride == 1)
            {
                new ReadOnlySpan<byte>(row, to.Length).CopyTo(to);
                return;
            }

            for (int i = 0; i < to.Length; i += size, row += stride * size)
                new ReadOnlySpan<byte>(row, size).CopyTo(to[i..]);
        });
    }

    /// <summary>All elements as 32-bit floats.</summary>
    public static void ReadFloat32(WeightsEntry entry, byte* source, Span<float> destination)
    {
        if (entry.IsContiguous)
        {
            Convert(entry.Type, source, destination);
            return;
        }

        FileDataType type = entry.Type;
        ForEachRow(entry, source, MemoryMarshal.AsBytes(destination), sizeof(float), (row, stride, bytes) =>
        {
            Span<float> to = MemoryMarshal.Cast<byte, float>(bytes);
            if (stride == 1)
            {
                Convert(type, row, to);
                return;
            }

            for (int i = 0; i < to.Length; i++, row += stride * type.Size()) Convert(type, row, to.Slice(i, 1));
        });
    }

    /// <summary>Converts elements that lie one after the other.</summary>
    private static void Convert(FileDataType type, byte* source, Span<float> destination)
    {
        switch (type)
        {
            case FileDataType.Float32:
                new ReadOnlySpan<byte>(source, destination.Length * sizeof(float)).CopyTo(MemoryMarshal.AsBytes(destination));
                break;
            case FileDataType.BFloat16:
                for (int i = 0; i < destination.Length; i++)
                    destination[i] = BitConverter.UInt32BitsToSingle((uint)Read<ushort>(source, i) << 16);
                break;
            case FileDataType.Float16:
                for (int i = 0; i < destination.Length; i++) destination[i] = (float)Read<Half>(source, i);
                break;
            case FileDataType.Float64:
                for (int i = 0; i < destination.Length; i++) destination[i] = (float)Read<double>(source, i);
                break;
            case FileDataType.Bool:
                for (int i = 0; i < destination.Length; i++) destination[i] = source[i] != 0 ? 1 : 0;
                break;
            case FileDataType.UInt8:
                for (int i = 0; i < destination.Length; i++) destination[i] = source[i];
                break;
            case FileDataType.Int8:
                for (int i = 0; i < destination.Length; i++) destination[i] = (sbyte)source[i];
                break;
            case FileDataType.UInt16:
                for (int i = 0; i < destination.Length; i++) destination[i] = Read<ushort>(source, i);
                break;
            case FileDataType.Int16:
                for (int i = 0; i < destination.Length; i++) destination[i] = Read<short>(source, i);
                break;
            case FileDataType.UInt32:
                for (int i = 0; i < destination.Length; i++) destination[i] = Read<uint>(source, i);
                break;
            case FileDataType.Int32:
                for (int i = 0; i < destination.Length; i++) destination[i] = Read<int>(source, i);
                break;
            case FileDataType.UInt64:
                for (int i = 0; i < destination.Length; i++) destination[i] = Read<ulong>(source, i);
                break;
            default:
                for (int i = 0; i < destination.Length; i++) destination[i] = Read<long>(source, i);
                break;
        }
    }

    // Files give no promise about alignment.
    private static T Read<T>(byte* source, int index) where T : unmanaged =>
        System.Runtime.CompilerServices.Unsafe.ReadUnaligned<T>(source + ((long)index * sizeof(T)));

    /// <summary>Walks the rows (last axis) of a strided tensor in row-major order.</summary>
    private static void ForEachRow(WeightsEntry entry, byte* source, Span<byte> destination, int destinationSize, RowAction action)
    {
        ReadOnlySpan<int> dims = entry.Shape.Dims;
        ReadOnlySpan<long> strides = entry.Strides.AsSpan();
        if (dims.IsEmpty)
        {
            action(source, 1, destination);
            return;
        }

        int outer = dims.Length - 1;
        int rowBytes = dims[outer] * destinationSize;
        Span<int> index = stackalloc int[outer];
        index.Clear();
        for (int start = 0; start < destination.Length; start += rowBytes)
        {
            long offset = 0;
            for (int a = 0; a < outer; a++) offset += index[a] * strides[a];
            action(source + (offset * entry.Type.Size()), strides[outer], destination.Slice(start, rowBytes));

            for (int a = outer - 1; a >= 0 && ++index[a] == dims[a]; a--) index[a] = 0;
        }
    }
}
