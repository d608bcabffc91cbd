using System.Text;

namespace AdaptFormer.Tensors.Files;

/// <summary>
/// Writes a file so that, whatever happens, its path holds either the whole old content or the whole new one: the new content
/// goes to a temporary file in the same folder, is flushed to the disk, and is renamed over the old file.
/// </summary>
public static class AtomicFile
{
    /// <summary>Replaces or creates the file at <paramref name="path"/> with what <paramref name="write"/> writes.</summary>
    /// <param name="path">The file to replace. If it is a symbolic link, the file it leads to is replaced. Its folder must exist.</param>
    /// <param name="write">Writes the content to a seekable stream. If it throws, the old file stays as it was.</param>
    /// <exception cref="ArgumentException">The path is empty.</exception>
    /// <exception cref="IOException">The file cannot be written, for example because the disk is full or the folder is missing.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder or the file does not permit it.</exception>
    /// <remarks>
    /// The replaced file may still be mapped or open for reading: on Unix its readers keep the old content. On Windows a mapped
    /// file cannot be replaced, and the call fails with the old content untouched.
    /// </remarks>
    public static void Write(string path, Action<Stream> write)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(write);
        try
        {
            string target = FollowLinks(Path.GetFullPath(path));
            string folder = Path.GetDirectoryName(target) ?? throw new IOException("it is the root of a file system");
            string temporary = Path.Combine(folder, $".{Path.GetFileName(target)}.{Guid.NewGuid():N}.tmp");
            try
            {
                WriteThrough(temporary, write);
                KeepPermissions(target, temporary);
                File.Move(temporary, target, overwrite: true);
            }
            catch
            {
                RemoveQuietly(temporary);
                throw;
            }

            NativeFile.FlushDirectory(folder);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new UnauthorizedAccessException(Explain(path, e), e);
        }
        catch (IOException e)
        {
            throw new IOException(Explain(path, e), e) { HResult = e.HResult };
        }
    }

    /// <summary>Replaces or creates a text file, UTF-8 without a byte order mark; see <see cref="Write"/>.</summary>
    /// <exception cref="ArgumentException">The path is empty.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder or the file does not permit it.</exception>
    public static void WriteAllText(string path, string text) => WriteAllBytes(path, Encoding.UTF8.GetBytes(text));

    /// <summary>Replaces or creates a file with the given bytes; see <see cref="Write"/>.</summary>
    /// <exception cref="ArgumentException">The path is empty.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder or the file does not permit it.</exception>
    public static void WriteAllBytes(string path, ReadOnlyMemory<byte> bytes) => Write(path, stream => stream.Write(bytes.Span));

    private static void WriteThrough(string temporary, Action<Stream> write)
    {
        using FileStream stream = new(temporary, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 1 << 16);
        write(stream);
        stream.Flush(flushToDisk: true);
    }

    private static string FollowLinks(string path) =>
        new FileInfo(path).LinkTarget is null ? path : File.ResolveLinkTarget(path, returnFinalTarget: true)!.FullName;

    private static void KeepPermissions(string target, string temporary)
    {
        if (!OperatingSystem.IsWindows() && File.Exists(target)) File.SetUnixFileMode(temporary, File.GetUnixFileMode(target));
    }

    private static void RemoveQuietly(string temporary)
    {
        try
        {
            File.Delete(temporary);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The error that brought us here says more than this one would.
        }
    }

    private static string Explain(string path, Exception e) =>
        $"{path} could not be written; what was there before is unchanged. {e.Message}";
}
