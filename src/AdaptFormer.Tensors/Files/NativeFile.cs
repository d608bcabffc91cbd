using System.Runtime.InteropServices;

namespace AdaptFormer.Tensors.Files;

/// <summary>The few calls of the C library that files need and .NET does not offer. Unix only.</summary>
internal static partial class NativeFile
{
    private const int ReadOnly = 0;        // O_RDONLY
    private const int DontNeed = 4;        // MADV_DONTNEED, the same number on Linux and macOS

    private static bool IsUnix => OperatingSystem.IsLinux() || OperatingSystem.IsMacOS();

    /// <summary>
    /// Makes a rename in <paramref name="directory"/> survive a power cut. Some file systems cannot do this for a directory;
    /// the rename itself is done by then, so their refusal is not an error.
    /// </summary>
    public static void FlushDirectory(string directory)
    {
        if (!IsUnix) return;
        int descriptor = Open(directory, ReadOnly);
        if (descriptor < 0) return;
        _ = FSync(descriptor);
        _ = Close(descriptor);
    }

    /// <summary>Drops the resident pages of a read-only file mapping; they come back from the file when read again.</summary>
    public static void ReleasePages(nint address, long bytes)
    {
        if (!IsUnix || bytes <= 0) return;
        long page = Environment.SystemPageSize;
        long first = address & -page;
        long last = (address + bytes + page - 1) & -page;
        _ = MAdvise((nint)first, (nint)(last - first), DontNeed);
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync")]
    private static partial int FSync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int MAdvise(nint address, nint bytes, int advice);
}
