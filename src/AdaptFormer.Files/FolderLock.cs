namespace AdaptFormer.Files;

/// <summary>Keeps two processes from writing into one folder. The system gives the lock back when the process dies, however it
/// dies.</summary>
public static class FolderLock
{
    /// <summary>Name of the file that is locked.</summary>
    public const string Name = ".lock";

    /// <summary>Takes the lock of a folder that is there.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="patience">How long to wait for a process that is ending.</param>
    /// <exception cref="IOException">Another process has it, or the folder cannot be written.</exception>
    public static FileStream Take(string folder, TimeSpan patience = default)
    {
        DateTime end = DateTime.UtcNow + patience;
        while (true)
        {
            try
            {
                return Open(folder);
            }
            catch (IOException error) when (IsTaken(error))
            {
                if (DateTime.UtcNow >= end)
                    throw new IOException($"{folder} cannot be written; is another process training into it? {error.Message}", error);
                Thread.Sleep(50);
            }
            catch (IOException error)
            {
                throw new IOException($"{folder} cannot be written: {error.Message}", error) { HResult = error.HResult };
            }
        }
    }

    /// <summary>Takes the lock of a folder that is there, if nobody has it.</summary>
    /// <param name="folder">The folder.</param>
    /// <returns>The lock, given back by disposing of it; null if another process has it.</returns>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    public static FileStream? TryTake(string folder)
    {
        try
        {
            return Open(folder);
        }
        catch (IOException error) when (IsTaken(error))
        {
            return null;
        }
    }

    /// <summary>Locks a file, which is made if it is not there and stays.</summary>
    /// <returns>The lock, given back by disposing of it; null if another process has it.</returns>
    /// <exception cref="IOException">The file cannot be made.</exception>
    public static FileStream? TryTakeFile(string path)
    {
        try
        {
            DiskFault.Reach(path);
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1);
        }
        catch (IOException error) when (IsTaken(error))
        {
            return null;
        }
    }

    private static FileStream Open(string folder)
    {
        DiskFault.Reach(folder);
        return new FileStream(
            Path.Combine(folder, Name), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
    }

    /// <summary>Whether a file could not be opened because another process has it.</summary>
    internal static bool IsTaken(IOException error) => (error.HResult & 0xFFFF) is 11 or 35 or 32;     // EAGAIN, ERROR_SHARING_VIOLATION
}
