using System.Runtime.InteropServices;

namespace AdaptFormer.Tensors.Memory;

/// <summary>Aligned memory that really goes back to the system when it is freed.</summary>
internal static unsafe partial class SystemMemory
{
    private const int Alignment = 64, DontNeed = 4;
    private const long Page = 1 << 16;      // of all page sizes in use the largest

    /// <summary>A block of <paramref name="bytes"/> bytes, 64-byte aligned, contents undefined.</summary>
    public static nint Allocate(long bytes) => (nint)NativeMemory.AlignedAlloc((nuint)bytes, Alignment);

    /// <summary>Frees a block. The C library keeps what lies between other blocks of its heap, so whole pages are handed back first.</summary>
    public static void Free(nint block, long bytes)
    {
        nint first = (nint)((block + Page - 1) / Page * Page), end = (nint)((block + bytes) / Page * Page);
        if (OperatingSystem.IsLinux() && end > first) _ = MAdvise(first, end - first, DontNeed);
        NativeMemory.AlignedFree((void*)block);
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int MAdvise(nint address, nint bytes, int advice);
}
