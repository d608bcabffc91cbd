using System.Buffers;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace AdaptFormer.Files;

/// <summary>
/// Writes a file so that, whatever happens, its path holds either the whole old content or the whole new one: the new content
/// goes to a temporary file in the same folder, is brought to the disk, and is renamed over the old file.
/// </summary>
public static class AtomicFile
{
    private const string TemporaryEnding = ".tmp";
    private const int Attempts = 8;
    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdef");
    private static readonly FileShare AloneOrWithDeletion = OperatingSystem.IsWindows() ? FileShare.Delete : FileShare.None;

    /// <summary>Replaces or creates the file at <paramref name="path"/> with what <paramref name="write"/> writes.</summary>
    /// <param name="path">The file to replace. If it is a symbolic link, the file it leads to is replaced. Its folder must exist.</param>
    /// <param name="write">Writes the content to a seekable stream. If it throws, the old file stays as it was.</param>
    /// <exception cref="ArgumentException">The path is empty.</exception>
    /// <exception cref="IOException">The file cannot be written, for example because the disk is full or the folder is missing.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder or the file does not permit it.</exception>
    /// <remarks>
    /// The replaced file may still be mapped or open for reading: on Unix its readers keep the old content. On Windows a mapped
    /// file cannot be replaced, and the call fails with the old content untouched. Temporary files of this path that a killed
    /// process left are removed.
    /// </remarks>
    public static void Write(string path, Action<Stream> write)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(write);
        string folder = "";
        try
        {
            string target = FollowLinks(Path.GetFullPath(path));
            folder = Path.GetDirectoryName(target) ?? throw new IOException("it is the root of a file system");
            RemoveAbandoned(folder, Path.GetFileName(target));
            using DiskStream stream = CreateTemporary(folder, Path.GetFileName(target));
            try
            {
                write(stream);
                stream.FlushToDisk();
                KeepPermissions(target, stream.Path);
                Disk.Rename(stream.Path, target);       // while it is open, and so not taken for abandoned
            }
            catch
            {
                DeleteQuietly(stream.Path);
                throw;
            }
        }
        catch (UnauthorizedAccessException e)
        {
            throw new UnauthorizedAccessException(Explain(path, e), e);
        }
        catch (IOException e)
        {
            throw new IOException(Explain(path, e), e) { HResult = e.HResult };
        }

        try
        {
            Disk.FlushFolder(folder);
        }
        catch (IOException e)
        {
            string problem = $"{path} was written, but the disk does not confirm its name, and a power cut may undo it. {e.Message}";
            throw new IOException(problem, e) { HResult = e.HResult };
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

    /// <summary>Removes the temporary files in a folder that processes left when they were killed, and none that is being
    /// written.</summary>
    public static void RemoveAbandoned(string folder) => RemoveAbandoned(folder, target: null);

    /// <summary>Whether a file's name is that of a temporary file of <paramref name="target"/>, or of any file if that is null.</summary>
    public static bool IsTemporary(string name, string? target = null)
    {
        const int digits = 32;
        int end = name.Length - TemporaryEnding.Length - digits - 1;      // .TARGET.DIGITS.tmp
        return end > 1 && name[0] == '.' && name[end] == '.' && name.EndsWith(TemporaryEnding, StringComparison.Ordinal)
            && name.AsSpan(end + 1, digits).IndexOfAnyExcept(HexDigits) < 0
            && (target is null || name.AsSpan(1, end - 1).SequenceEqual(target));
    }

    // Its being open is what tells others that somebody writes it. Between making and locking it one of them may take it for abandoned:
    // then another one is made.
    private static DiskStream CreateTemporary(string folder, string name)
    {
        for (int attempt = 1; ; attempt++)
        {
            string path = Path.Combine(folder, $".{name}.{Guid.NewGuid():N}{TemporaryEnding}");
            try
            {
                DiskStream stream = new(path, FileMode.CreateNew, FileShare.Delete);
                if (attempt == Attempts || File.Exists(path)) return stream;
                stream.Dispose();
            }
            catch (IOException error) when (attempt < Attempts && (File.Exists(path) || FolderLock.IsTaken(error)))
            {
                // being looked at at this moment, and perhaps deleted
            }
        }
    }

    private static void RemoveAbandoned(string folder, string? target)
    {
        if (!Directory.Exists(folder)) return;
        foreach (string path in Directory.EnumerateFiles(folder))
        {
            if (!IsTemporary(Path.GetFileName(path), target)) continue;
            try
            {
                // Whoever writes it has it open: on Windows nobody else may write then, on Unix nobody may have it alone.
                using SafeFileHandle alone = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, AloneOrWithDeletion);
                Disk.Delete(path);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // In use, or gone.
            }
        }
    }

    private static string FollowLinks(string path) =>
        new FileInfo(path).LinkTarget is null ? path : File.ResolveLinkTarget(path, returnFinalTarget: true)!.FullName;

    private static void KeepPermissions(string target, string temporary)
    {
        if (!OperatingSystem.IsWindows() && File.Exists(target)) File.SetUnixFileMode(temporary, File.GetUnixFileMode(target));
    }

    private static void DeleteQuietly(string temporary)
    {
        try
        {
            Disk.Delete(temporary);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The error that brought us here says more than this one would.
        }
    }

    private static string Explain(string path, Exception e) =>
        $"{path} could not be written; what was there before is unchanged. {e.Message}";
}
