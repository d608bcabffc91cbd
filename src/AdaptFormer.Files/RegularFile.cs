using System.Runtime.InteropServices;

namespace AdaptFormer.Files;

/// <summary>
/// Keeps programs from waiting for ever: a named pipe waits for somebody who writes, a device such as <c>/dev/zero</c> never ends. Files
/// that are read as a whole must be regular ones.
/// </summary>
public static partial class RegularFile
{
    private const int LinuxNonBlocking = 0x800, MacNonBlocking = 0x4, FromCurrent = 1;      // O_NONBLOCK, SEEK_CUR

    /// <summary>
    /// Throws when what is at <paramref name="path"/> is no file; opens nothing that could wait.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <exception cref="IOException">It is a folder, a pipe, a socket or a terminal.</exception>
    public static void Require(string path)
    {
        if (Directory.Exists(path)) throw new IOException($"{path}: it is a folder; a file is expected here.");
        if (!(OperatingSystem.IsLinux() || OperatingSystem.IsMacOS()) || !Path.Exists(path)) return;
        int descriptor = Open(path, NativeFile.CloseOnExec | (OperatingSystem.IsLinux() ? LinuxNonBlocking : MacNonBlocking));
        if (descriptor < 0) return;      // whoever opens it really says why not
        bool seeks = Seek(descriptor, 0, FromCurrent) >= 0;
        _ = Close(descriptor);
        if (!seeks) throw new IOException($"{path}: it is a pipe or a device and no regular file; write its content into a file first.");
    }

    /// <summary>Opens a file to read it from its start to its end.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="IOException">It cannot be read, or is no regular file.</exception>
    public static FileStream Open(string path)
    {
        Require(path);
        FileStream stream = File.OpenRead(path);
        if (stream.Length > 0 || stream.ReadByte() < 0) return stream;
        stream.Dispose();
        throw Endless(path);        // a device says that it is empty, and is not
    }

    /// <summary>All bytes of a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="what">What the file should be, for messages: <c>a list</c>.</param>
    /// <exception cref="IOException">It cannot be read, or is no regular file.</exception>
    /// <exception cref="InvalidDataException">It is longer than an array can be.</exception>
    public static byte[] ReadAllBytes(string path, string what) => ReadAllBytes(path, Array.MaxLength, what);

    /// <summary>All bytes of a file that must not be long.</summary>
    /// <param name="path">The file.</param>
    /// <param name="most">How many bytes it may have.</param>
    /// <param name="what">What the file should be, for messages: <c>a configuration</c>.</param>
    /// <exception cref="IOException">It cannot be read, or is no regular file.</exception>
    /// <exception cref="InvalidDataException">It is longer.</exception>
    public static byte[] ReadAllBytes(string path, int most, string what)
    {
        using FileStream stream = Open(path);
        if (stream.Length > most)
            throw new InvalidDataException(
                $"{path}: {stream.Length} bytes are too many for {what}; at most {most} are read. Is it a weights file?");
        byte[] bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return stream.ReadByte() < 0 ? bytes : throw Endless(path);
    }

    private static IOException Endless(string path) =>
        new($"{path}: it goes on behind its end: a device, or a file that is being written.");

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "lseek")]
    private static partial long Seek(int descriptor, long offset, int whence);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
