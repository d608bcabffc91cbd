using AdaptFormer.Data.Loading;
using AdaptFormer.Files;
using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Tensors;

namespace AdaptFormer.Runs.Caching;

/// <summary>Tensors that are wanted, and how they are computed where they are not there.</summary>
/// <param name="Header">What is wanted.</param>
/// <param name="Model">The model.</param>
/// <param name="Cut">Where the pass is cut.</param>
/// <param name="Loader">The data, unshuffled and whole.</param>
/// <param name="Epoch">Which epoch's draws the transform gets.</param>
internal sealed record PrefixJob(PrefixHeader Header, Backbone Model, int Cut, DataLoader Loader, int Epoch)
{
    /// <summary>Whether the blocks' products run in 8 bits.</summary>
    public bool InBytes { get; init; }

    /// <summary>Told how many samples are done; may be null.</summary>
    public Action<int>? Progress { get; init; }

    /// <summary>Called once when another process computes the same; may be null.</summary>
    public Action? Waiting { get; init; }
}

/// <summary>
/// The folder of kept tensors, shared by all trainings. A file has its name once it is whole; until then it is <c>KEY.prefix.part</c>,
/// written by the process that holds the key's lock while others wait; when that one dies, the next goes on where it ended. When the folder
/// would grow beyond its bound, the files that were used longest ago make room, but none that is being written.
/// </summary>
/// <param name="folder">The folder; made when needed.</param>
/// <param name="maxBytes">Most bytes that it may hold.</param>
internal sealed class PrefixStore(string folder, long maxBytes)
{
    private const string Ending = ".prefix", PartEnding = ".part", Locks = "locks";
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    /// <summary>The user's cache folder.</summary>
    public static string DefaultFolder => Path.Combine(new Files.Hub.HubCache().Folder, "prefix");

    /// <summary>Most bytes that the folder may hold.</summary>
    public long MaxBytes => maxBytes;

    /// <summary>Opens tensors, computing them first when they are not there.</summary>
    /// <param name="job">What is wanted.</param>
    /// <param name="cancellation">Stops; what is done stays.</param>
    /// <exception cref="IOException">The disk is full, or the folder cannot be written.</exception>
    public PrefixFile Open(PrefixJob job, CancellationToken cancellation = default)
    {
        Disk.CreateFolder(folder);
        string path = PathOf(job.Header);
        for (bool told = false; ;)
        {
            cancellation.ThrowIfCancellationRequested();
            if (Find(path, job.Header) is { } file) return file;
            using FileStream? mine = TryLock(job.Header.Key);
            if (mine is null)
            {
                if (!told) job.Waiting?.Invoke();
                told = true;
                cancellation.WaitHandle.WaitOne(Pause);
            }
            else if (Find(path, job.Header) is { } made)
            {
                return made;        // while the lock was being taken
            }
            else
            {
                MakeRoom(job.Header.FileBytes, path);
                Build(path, job, cancellation);
            }
        }
    }

    /// <summary>Whether the tensors with this header are there.</summary>
    public bool Has(PrefixHeader header)
    {
        using PrefixFile? file = PrefixFile.Open(PathOf(header), header);
        return file is not null;
    }

    private string PathOf(PrefixHeader header) => Path.Combine(folder, header.Key + Ending);

    private static PrefixFile? Find(string path, PrefixHeader header)
    {
        PrefixFile? file = PrefixFile.Open(path, header);
        try
        {
            if (file is not null) File.SetLastWriteTimeUtc(path, DateTime.UtcNow);      // what is used stays longest
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The folder is somebody else's, or the file has just made room: it can be read all the same.
        }

        return file;
    }

    // One lock for all keys that begin alike: there are few of these files, so they can stay, and a file that stays has no moment in which
    // two processes hold it.
    private FileStream? TryLock(string key) =>
        FolderLock.TryTakeFile(Path.Combine(Disk.CreateFolder(Path.Combine(folder, Locks)), key[..2]));

    private void MakeRoom(long bytes, string keep)
    {
        // Another training may end a part or make room itself meanwhile: what is gone when it is looked at takes no room.
        FileInfo[] files =
        [
            .. new DirectoryInfo(folder).GetFiles()
                .Where(file => file.Extension is Ending or PartEnding && file.FullName != Path.GetFullPath(keep)
                    && file.FullName != Path.GetFullPath(keep + PartEnding) && file.Exists)
                .OrderBy(file => file.LastWriteTimeUtc),
        ];
        long held = files.Sum(file => file.Length);
        foreach (FileInfo file in files)
        {
            if (held + bytes <= maxBytes) break;
            if (TryDelete(file)) held -= file.Length;
        }

        string part = keep + PartEnding;
        long needed = bytes - (File.Exists(part) ? new FileInfo(part).Length : 0),
            free = new DriveInfo(Path.GetFullPath(folder)).AvailableFreeSpace;
        if (needed > free)
        {
            throw new IOException(
                $"{folder}: the frozen-prefix cache needs {needed} bytes, {free} are free on the disk; make room, set cache.folder, "
                + "or cache.mode=off.");
        }
    }

    // A part may be in the making. Whoever reads a whole file goes on reading it; where the system does not permit that, the file stays.
    private bool TryDelete(FileInfo file)
    {
        using FileStream? mine = file.Extension == PartEnding && file.Name.Length > 2 ? TryLock(file.Name) : null;
        if (file.Extension == PartEnding && mine is null) return false;
        try
        {
            Disk.Delete(file.FullName);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static void Build(string path, PrefixJob job, CancellationToken cancellation)
    {
        using DiskStream part = new(path + PartEnding, FileMode.OpenOrCreate);
        int done = job.Header.Agrees(PrefixHeader.Of(part)) ? PrefixRecord.CountSound(part, job.Header) : 0;
        part.SetLength(done == 0 ? 0 : PrefixHeader.Bytes + (done * job.Header.RecordBytes));
        part.Position = 0;
        if (done == 0) part.Write(job.Header.ToBytes());
        part.Position = part.Length;
        if (job.InBytes) job.Model.PredictInBytes(job.Cut);
        try
        {
            Append(part, job, done, cancellation);
        }
        finally
        {
            if (job.InBytes) job.Model.PredictInBytes(job.Cut, inBytes: false);     // training goes on as the run computes
        }

        try
        {
            part.FlushToDisk();
        }
        catch (IOException)
        {
            Disk.Delete(part.Path);     // what the disk could not store is nothing to go on from
            throw;
        }

        part.Dispose();     // Windows renames no file that is open
        Disk.Rename(part.Path, path);
        Disk.FlushFolder(Path.GetDirectoryName(part.Path)!);
    }

    private static void Append(DiskStream part, PrefixJob job, int done, CancellationToken cancellation)
    {
        int at = 0;
        byte[] elements = new byte[job.Header.RecordBytes - PrefixHeader.Preamble];
        Shape one = new([.. job.Header.Dims]);
        foreach (Batch batch in job.Loader.Epoch(job.Epoch))
        {
            using Batch _ = batch;
            cancellation.ThrowIfCancellationRequested();
            if (at + batch.Count > done)
            {
                using TensorScope scope = new();
                using BatchPixels pixels = new(batch);
                Tensor kept = job.Model.RunBefore(job.Cut, pixels.Tensor).As(job.Header.Type);
                for (int i = Math.Max(0, done - at); i < batch.Count; i++)
                {
                    kept.View(one, i * one.Length).CopyBytesTo(elements);
                    PrefixRecord.Append(part, batch.Labels[i], elements);
                }
            }

            at += batch.Count;
            job.Progress?.Invoke(at);
        }
    }
}
