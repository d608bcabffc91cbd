using System.Globalization;

namespace AdaptFormer.Data.Datasets;

/// <summary>What tells whether the file of an item, or the files of a folder of frames, were changed.</summary>
/// <param name="Files">Number of files; 0 where there is none.</param>
/// <param name="Length">Their bytes together.</param>
/// <param name="Changed">Time of the latest change, in ticks of UTC.</param>
internal readonly record struct FileState(int Files, long Length, long Changed)
{
    /// <summary>The state of a file.</summary>
    public static FileState Of(string path)
    {
        FileInfo file = new(path);
        return file.Exists ? new FileState(1, file.Length, file.LastWriteTimeUtc.Ticks) : default;
    }

    /// <summary>The state of the files in a folder, not of those below it.</summary>
    public static FileState OfFolder(string path)
    {
        if (!Directory.Exists(path)) return default;
        FileState all = default;
        foreach (string file in VisibleFiles.Files(path))
        {
            FileState one = Of(file);
            all = new FileState(all.Files + one.Files, all.Length + one.Length, Math.Max(all.Changed, one.Changed));
        }

        return all;
    }

    /// <summary>The state as text, for a digest.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Files} {Length} {Changed}");
}
