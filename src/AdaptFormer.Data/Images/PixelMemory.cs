using System.Buffers;

namespace AdaptFormer.Data.Images;

/// <summary>
/// Memory for files and pixels: from the pool, so that reading picture after picture takes no new memory, but for giants. The pool
/// keeps arrays of every power of two that was ever asked for, for a minute or more: after a few pictures that claim to be large that is
/// twice the size of a giant.
/// </summary>
internal static class PixelMemory
{
    /// <summary>Bytes from which on memory is taken for one use and left to the garbage collector afterwards.</summary>
    public const int Giant = 16 << 20;

    public static byte[] Rent(int bytes) => bytes < Giant ? ArrayPool<byte>.Shared.Rent(bytes) : GC.AllocateUninitializedArray<byte>(bytes);

    public static void Return(byte[] memory)
    {
        if (memory.Length is > 0 and <= Giant) ArrayPool<byte>.Shared.Return(memory);
    }
}
