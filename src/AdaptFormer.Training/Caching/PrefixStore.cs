using AdaptFormer.Data;
using AdaptFormer.Models;
using AdaptFormer.Tensors;

namespace AdaptFormer.Training.Caching;

/// <summary>
/// The folder of kept tensors. A file has its name once it is whole; until then it is <c>KEY.part</c>, and the next run goes on where it ends. When the folder
/// would grow beyond its bound, the files that were used longest ago make room.
/// </summary>
/// <param name="folder">The folder; made when needed.</param>
/// <param name="maxBytes">Most bytes that it may hold.</param>
internal sealed class PrefixStore(string folder, long maxBytes)
{
    private const string Ending = ".prefix";

    /// <summary>The user's cache folder.</summary>
    public static string DefaultFolder => Path.Combine(new Models.Hub.HubCache().Folder, "prefix");

    /// <summary>Most bytes that the folder may hold.</summary>
    public long MaxBytes => maxBytes;

    /// <summary>Opens the tensors with this header, computing them first when they are not there.</summary>
    /// <param name="header">What is wanted.</param>
    /// <param name="model">The model.</param>
    /// <param name="cut">Where the pass is cut.</param>
    /// <param name="loader">The data, unshuffled and whole.</param>
    /// <param name="epoch">Which epoch's draws the transform gets.</param>
    /// <param name="progress">Told how many samples are done; may be null.</param>
    /// <param name="cancellation">Stops; what is done stays.</param>
    /// <exception cref="IOException">The disk is full, or the folder cannot be written.</exception>
    public PrefixFile Open(PrefixHeader header, Backbone model, int cut, DataLoader loader, int epoch, Action<int>? progress = null, CancellationToken cancellation = default)
    {
        Directory.CreateDirectory(folder);
        string path = Path.Combine(folder, header.Key + Ending);
        if (!IsWhole(path, header))
        {
            MakeRoom(header.FileBytes, path);
            Build(path, header, model, cut, loader, epoch, progress, cancellation);
        }

        File.SetLastWriteTimeUtc(path, DateTime.UtcNow);
        return new PrefixFile(path, header);
    }

    /// <summary>Whether the tensors with this header are there.</summary>
    public bool Has(PrefixHeader header) => IsWhole(Path.Combine(folder, header.Key + Ending), header);

    private static bool IsWhole(string path, PrefixHeader header) =>
        File.Exists(path) && new FileInfo(path).Length == header.FileBytes && header.Agrees(PrefixHeader.Of(path));

    private void MakeRoom(long bytes, string keep)
    {
        FileInfo[] files = [.. new DirectoryInfo(folder).GetFiles().Where(file => file.Extension is Ending or ".part" && !file.FullName.StartsWith(keep, StringComparison.Ordinal)).OrderBy(file => file.LastWriteTimeUtc)];
        long held = files.Sum(file => file.Length);
        foreach (FileInfo file in files)
        {
            if (held + bytes <= maxBytes) break;
            held -= file.Length;
            file.Delete();
        }

        string part = keep + ".part";
        long needed = bytes - (File.Exists(part) ? new FileInfo(part).Length : 0), free = new DriveInfo(Path.GetFullPath(folder)).AvailableFreeSpace;
        if (needed > free) throw new IOException($"{folder}: the frozen-prefix cache needs {needed} bytes, {free} are free on the disk; make room, set cache.folder, or cache.mode=off.");
    }

    private static void Build(string path, PrefixHeader header, Backbone model, int cut, DataLoader loader, int epoch, Action<int>? progress, CancellationToken cancellation)
    {
        string part = path + ".part";
        using (FileStream file = new(part, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1 << 20))
        {
            int done = header.Agrees(file.Length >= PrefixHeader.Bytes ? HeaderOf(file) : null) ? PrefixRecord.CountSound(file, header) : 0;
            file.SetLength(done == 0 ? 0 : PrefixHeader.Bytes + (done * header.RecordBytes));
            file.Position = 0;
            if (done == 0) file.Write(header.ToBytes());
            file.Position = file.Length;
            int at = 0;
            foreach (Batch batch in loader.Epoch(epoch))
            {
                using Batch _ = batch;
                cancellation.ThrowIfCancellationRequested();
                if (at + batch.Count > done)
                {
                    using TensorScope scope = new();
                    using BatchPixels pixels = new(batch);
                    Tensor kept = model.RunBefore(cut, pixels.Tensor).As(header.Type);
                    Shape one = new([.. header.Dims]);
                    byte[] bytes = new byte[header.RecordBytes - PrefixHeader.Preamble];
                    for (int i = Math.Max(0, done - at); i < batch.Count; i++)
                    {
                        kept.View(one, i * one.Length).CopyBytesTo(bytes);
                        PrefixRecord.Append(file, batch.Labels[i], bytes);
                    }
                }

                at += batch.Count;
                progress?.Invoke(at);
            }

            file.Flush(flushToDisk: true);
        }

        File.Move(part, path, overwrite: true);
    }

    private static PrefixHeader? HeaderOf(FileStream file)
    {
        byte[] bytes = new byte[PrefixHeader.Bytes];
        file.Position = 0;
        file.ReadExactly(bytes);
        try
        {
            return System.Text.Json.JsonSerializer.Deserialize(System.Text.Encoding.UTF8.GetString(bytes).TrimEnd('\0'), PrefixJson.Default.PrefixHeader);
        }
        catch (System.Text.Json.JsonException)
        {
            return null;
        }
    }
}
