using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace AdaptFormer.Tensors.Files;

/// <summary>The few calls of the C library that files need and .NET does not offer, or whose errors it does not tell.</summary>
internal static partial class NativeFile
{
    private const int ReadOnly = 0;                                     // O_RDONLY
    private const int DontNeed = 4;                                     // MADV_DONTNEED, the same number on Linux and macOS
    private const int FullSync = 51;                                    // F_FULLFSYNC of macOS, whose fsync stops at the disk's own memory
    private const int Interrupted = 4, NoAccess = 13, Invalid = 22, ReadOnlySystem = 30;        // EINTR, EACCES, EINVAL, EROFS

    private static bool IsUnix => OperatingSystem.IsLinux() || OperatingSystem.IsMacOS();

    /// <summary>Brings a file's content to the disk.</summary>
    /// <exception cref="IOException">The disk reports an error. A place that cannot do such a thing at all is none.</exception>
    public static void Flush(SafeFileHandle file, string path)
    {
        if (!IsUnix)
        {
            RandomAccess.FlushToDisk(file);
            return;
        }

        bool added = false;
        try
        {
            file.DangerousAddRef(ref added);
            Flush((int)file.DangerousGetHandle(), path);
        }
        finally
        {
            if (added) file.DangerousRelease();
        }
    }

    /// <summary>Makes the names in <paramref name="directory"/> survive a power cut.</summary>
    /// <exception cref="IOException">The disk reports an error. A folder that may be written but not opened is none: what it holds is done
    /// by then.</exception>
    public static void FlushDirectory(string directory)
    {
        if (!IsUnix) return;
        int descriptor = Open(directory, ReadOnly);
        if (descriptor < 0)
        {
            if (Marshal.GetLastPInvokeError() == NoAccess) return;
            throw Error(directory);
        }

        try
        {
            Flush(descriptor, directory);
        }
        finally
        {
            _ = Close(descriptor);
        }
    }

    /// <summary>Whether a path that is there names an ordinary file; true where it cannot be found out.</summary>
    public static unsafe bool IsRegular(string path)
    {
        // AT_FDCWD, STATX_TYPE, size and stx_mode of struct statx, S_IFMT, S_IFREG
        const int currentFolder = -100, type = 1, bytes = 256, modeAt = 28, kind = 0xF000, regular = 0x8000;
        if (!OperatingSystem.IsLinux()) return true;
        byte* found = stackalloc byte[bytes];
        try
        {
            return StatX(currentFolder, path, 0, type, found) != 0 || (*(ushort*)(found + modeAt) & kind) == regular;
        }
        catch (EntryPointNotFoundException)
        {
            return true;        // a C library of before 2018
        }
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

    private static void Flush(int descriptor, string path)
    {
        int notSupported = OperatingSystem.IsMacOS() ? 45 : 95;      // ENOTSUP
        while (true)
        {
            if (OperatingSystem.IsMacOS() && FControl(descriptor, FullSync) == 0) return;
            if (FSync(descriptor) == 0) return;
            int error = Marshal.GetLastPInvokeError();
            if (error == Interrupted) continue;
            if (error == Invalid || error == ReadOnlySystem || error == notSupported) return;
            throw Error(path);
        }
    }

    private static IOException Error(string path)
    {
        int error = Marshal.GetLastPInvokeError();
        return new IOException($"{Marshal.GetPInvokeErrorMessage(error)} : '{path}'", error);
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int FSync(int descriptor);

    [LibraryImport("libc", EntryPoint = "fcntl")]
    private static partial int FControl(int descriptor, int command);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int MAdvise(nint address, nint bytes, int advice);

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int StatX(int folder, string path, int flags, uint mask, byte* found);
}
