using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace AdaptFormer.Files;

/// <summary>The few calls of the C library that files need and .NET does not offer, or whose errors it does not tell.</summary>
internal static partial class NativeFile
{
    private const int ReadOnly = 0;                                     // O_RDONLY
    private const int LinuxCloseOnExec = 0x8_0000, MacCloseOnExec = 0x100_0000;      // O_CLOEXEC
    private const int DontNeed = 4;                                     // MADV_DONTNEED, the same number on Linux and macOS
    private const int FullSync = 51;                                    // F_FULLFSYNC of macOS, whose fsync stops at the disk's own memory
    private const int Interrupted = 4, NoAccess = 13, Invalid = 22, ReadOnlySystem = 30;        // EINTR, EACCES, EINVAL, EROFS

    private static bool IsUnix => OperatingSystem.IsLinux() || OperatingSystem.IsMacOS();

    /// <summary>The flag of <c>open</c> that keeps a program that is started meanwhile from inheriting the file.</summary>
    public static int CloseOnExec => OperatingSystem.IsLinux() ? LinuxCloseOnExec : MacCloseOnExec;

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
        int descriptor = Open(directory, ReadOnly | CloseOnExec);
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
}
