namespace AdaptFormer.Inference;

/// <summary>What tells whether a file was changed: where it really lies, its length and its time of change.</summary>
/// <param name="Path">The file behind all links.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Changed">Time of the last change.</param>
internal readonly record struct FileStamp(string Path, long Length, DateTime Changed)
{
    /// <summary>The stamp of a file as it is now.</summary>
    /// <exception cref="IOException">There is none.</exception>
    public static FileStamp Of(string path)
    {
        FileInfo file = new(path);
        if (file.ResolveLinkTarget(returnFinalTarget: true) is FileInfo target) file = target;
        if (!file.Exists) throw new FileNotFoundException($"{path}: there is no such file.", path);
        return new FileStamp(file.FullName, file.Length, file.LastWriteTimeUtc);
    }
}
