using System.Runtime.InteropServices;

namespace AdaptFormer.Tensors.Memory;

/// <summary>
/// Aligned memory that really goes back to the system when it is freed. On Linux a block of a megabyte or more has a mapping of its own, in
/// huge pages as far as they fit: half the page faults, and fewer addresses to look up for products that stream through it. Smaller ones
/// come from the C library, which keeps what it gets back for the thread that had it; it is told to let go from time to time.
/// </summary>
internal static unsafe partial class SystemMemory
{
    private const int Alignment = 64, HugePageAdvice = 14, ReadWrite = 3, PrivateAnonymous = 0x22;
    private const long Mapped = 1 << 20, HugePage = 2 << 20, Page = 1 << 16;      // of all page sizes in use the largest
    private const long TrimsAfter = 32 << 20;

    private static readonly delegate* unmanaged<nuint, int> LetGo = FindTrim();
    private static long _kept;

    /// <summary>A block of <paramref name="bytes"/> bytes, 64-byte aligned, contents undefined.</summary>
    /// <exception cref="OutOfMemoryException">The system has no such block.</exception>
    public static nint Allocate(long bytes) => HasMapping(bytes) ? Map(bytes) : (nint)NativeMemory.AlignedAlloc((nuint)bytes, Alignment);

    /// <summary>Frees a block of <see cref="Allocate"/>, with the same <paramref name="bytes"/>.</summary>
    public static void Free(nint block, long bytes)
    {
        if (HasMapping(bytes)) _ = Unmap(block, (nint)WholePages(bytes));
        else
        {
            NativeMemory.AlignedFree((void*)block);
            if (LetGo is null || Interlocked.Add(ref _kept, bytes) < TrimsAfter) return;
            Interlocked.Exchange(ref _kept, 0);
            _ = LetGo(0);
        }
    }

    // glibc's; other C libraries have none, and give back by themselves.
    private static delegate* unmanaged<nuint, int> FindTrim() =>
        OperatingSystem.IsLinux() && NativeLibrary.TryLoad("libc.so.6", out nint library)
            && NativeLibrary.TryGetExport(library, "malloc_trim", out nint trim) ? (delegate* unmanaged<nuint, int>)trim : null;

    private static bool HasMapping(long bytes) => bytes >= Mapped && OperatingSystem.IsLinux();

    private static long WholePages(long bytes) => (bytes + Page - 1) / Page * Page;

    [System.Diagnostics.CodeAnalysis.SuppressMessage("Usage", "CA2201",
        Justification = "What the runtime's own allocator throws in the same case.")]
    private static nint Map(long bytes)
    {
        (long size, long reserved) = (WholePages(bytes), WholePages(bytes) + HugePage);
        nint address = Map(0, (nint)reserved, ReadWrite, PrivateAnonymous, file: -1, offset: 0);
        if (address == -1) throw new OutOfMemoryException($"The system gave no block of {bytes:N0} bytes.");

        nint block = (nint)((address + HugePage - 1) / HugePage * HugePage), end = (nint)(block + size), last = (nint)(address + reserved);
        if (block > address) _ = Unmap(address, block - address);
        if (last > end) _ = Unmap(end, last - end);

        // Only as far as whole huge pages go: what lies behind would otherwise be taken up to the next one.
        _ = Advise(block, (nint)(bytes / HugePage * HugePage), HugePageAdvice);
        return block;
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial nint Map(nint address, nint bytes, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(nint address, nint bytes);

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nint address, nint bytes, int advice);
}
