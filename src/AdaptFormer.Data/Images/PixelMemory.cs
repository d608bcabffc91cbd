using System.Buffers;

namespace AdaptFormer.Data;

/// <summary>
/// Memory for files and pixels: from the pool, so that reading picture after picture takes no new memory, but for giants, which a
/// pool would keep for ever after one large picture.
/// </summary>
internal static class PixelMemory
{
    /// <summary>Bytes from which on memory is taken for one use and left to the garbage collector afterwards.</summary>
    public const int Giant = 64 << 20;

    public static byte[] Rent(int bytes) => bytes < Giant ? ArrayPool<byte>.Shared.Rent(bytes) : GC.AllocateUninitializedArray<byte>(bytes);

    public static void Return(byte[] memory)
    {
        if (memory.Length is > 0 and <= Giant) ArrayPool<byte>.Shared.Return(memory);
    }
}
