namespace AdaptFormer.Files;

/// <summary>
/// The calls that change the file system. Whatever the product keeps is written through them: .NET says nothing when a disk answers that it
/// could not store what was written, these calls do; and a test can make any one of them fail, or be the last one of the process.
/// </summary>
public static class Disk
{
    /// <summary>Makes a folder, with its parents, that survives a power cut.</summary>
    /// <param name="path">The folder; nothing happens if it is there.</param>
    /// <returns>Its full path.</returns>
    /// <exception cref="IOException">It cannot be made.</exception>
    /// <exception cref="UnauthorizedAccessException">Its parent does not permit it.</exception>
    public static string CreateFolder(string path)
    {
        string full = Path.GetFullPath(path);
        if (Directory.Exists(full)) return full;
        string? parent = Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(full));
        if (parent is not null) CreateFolder(parent);
        DiskFault.Reach(full);
        Directory.CreateDirectory(full);
        if (parent is not null) FlushFolder(parent);
        return full;
    }

    /// <summary>Gives a file another name in its file system, over a file of that name; nobody ever sees half of it. See
    /// <see cref="FlushFolder"/>.</summary>
    /// <exception cref="IOException">It cannot be renamed.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder does not permit it.</exception>
    public static void Rename(string from, string to)
    {
        DiskFault.Reach(to);
        File.Move(from, to, overwrite: true);
    }

    /// <summary>Deletes a file; nothing happens if it is not there.</summary>
    /// <exception cref="IOException">It cannot be deleted.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder does not permit it.</exception>
    public static void Delete(string path)
    {
        DiskFault.Reach(path);
        File.Delete(path);
    }

    /// <summary>Deletes a folder and everything in it; nothing happens if it is not there. Links are deleted, not followed.</summary>
    /// <exception cref="IOException">It cannot be deleted.</exception>
    /// <exception cref="UnauthorizedAccessException">A folder does not permit it.</exception>
    public static void DeleteFolder(string path)
    {
        if (!Directory.Exists(path)) return;
        foreach (FileSystemInfo entry in new DirectoryInfo(path).GetFileSystemInfos())
        {
            if (entry is DirectoryInfo { LinkTarget: null }) DeleteFolder(entry.FullName);
            else Delete(entry.FullName);
        }

        DiskFault.Reach(path);
        Directory.Delete(path);
    }

    /// <summary>Deletes a folder if nothing is in it and it is there.</summary>
    /// <exception cref="UnauthorizedAccessException">The folder does not permit it.</exception>
    public static void DeleteEmptyFolder(string path)
    {
        DiskFault.Reach(path);
        try
        {
            Directory.Delete(path);
        }
        catch (IOException)
        {
            // Somebody else uses it, or has deleted it.
        }
    }

    /// <summary>Makes the names in a folder survive a power cut: files that were made, renamed or deleted in it.</summary>
    /// <exception cref="IOException">The disk reports an error.</exception>
    public static void FlushFolder(string path)
    {
        DiskFault.Reach(path);
        NativeFile.FlushDirectory(path);
    }
}
