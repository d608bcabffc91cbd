using System.Diagnostics;

namespace AdaptFormer.Inference;

/// <summary>What became of a file in a watched folder.</summary>
public enum TaskChange
{
    /// <summary>A new task.</summary>
    Loaded,

    /// <summary>A new version of a task.</summary>
    Replaced,

    /// <summary>The file is gone, and the task with it.</summary>
    Removed,

    /// <summary>The file is no task of this backbone, or a damaged one; what was there before still answers.</summary>
    Refused,
}

/// <summary>Something that happened in a watched folder.</summary>
/// <param name="Task">The task's name: the file's without its ending.</param>
/// <param name="Kind">What happened.</param>
/// <param name="Reason">Why a file was refused; null otherwise.</param>
/// <param name="Took">How long reading took.</param>
public sealed record TaskFolderChange(string Task, TaskChange Kind, string? Reason, TimeSpan Took);

/// <summary>
/// Keeps the tasks of a bank as the files of a folder are: <c>NAME.safetensors</c> is the task of that name. Files are read when they
/// come, replaced when they change, and their tasks removed when they go. The folder is only read.
/// </summary>
public sealed class TaskFolder : IDisposable
{
    private const string Ending = ".safetensors";

    /// <summary>A file that was changed lately may still be being written: what is wrong with it is told later, if it stays so.</summary>
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(5);

    private readonly TaskBank _bank;
    private readonly string _folder;
    private readonly Action<TaskFolderChange> _report;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, FileStamp> _seen = [];

    // What could not be opened at the last looks, and how many there were.
    private readonly Dictionary<string, (FileStamp Stamp, int Looks)> _unread = [];
    private readonly Dictionary<string, string> _refused = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _changed = new(0);
    private readonly FileSystemWatcher? _watcher;
    private readonly TimeSpan _interval;
    private Task _loop = Task.CompletedTask;

    private TaskFolder(TaskBank bank, string folder, Action<TaskFolderChange> report, TimeSpan interval)
    {
        (_bank, _folder, _report, _interval) = (bank, folder, report, interval);
        bank.TaskFailed += OnTaskFailed;
        try
        {
            _watcher = new FileSystemWatcher(folder, "*" + Ending);
            _watcher.Created += (_, _) => _changed.Release();
            _watcher.Changed += (_, _) => _changed.Release();
            _watcher.Deleted += (_, _) => _changed.Release();
            _watcher.Renamed += (_, _) => _changed.Release();
            _watcher.EnableRaisingEvents = true;
        }
        catch (Exception e) when (e is IOException or PlatformNotSupportedException)
        {
            _watcher?.Dispose();       // such file systems are looked at from time to time, as all are
            _watcher = null;
        }
    }

    /// <summary>The files that are refused now, with the reasons, by task.</summary>
    public IReadOnlyDictionary<string, string> Refused
    {
        get
        {
            lock (_gate) return _refused.ToDictionary();
        }
    }

    /// <summary>Reads all files of a folder, and watches it from then on.</summary>
    /// <param name="bank">The bank.</param>
    /// <param name="folder">The folder.</param>
    /// <param name="report">Is told what happens, one thing after the other.</param>
    /// <param name="interval">
    /// How often the folder is looked through, since not all file systems tell of changes; every 2 s if null.
    /// </param>
    /// <param name="cancellation">Gives the first reading up.</param>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    public static async Task<TaskFolder> OpenAsync(
        TaskBank bank, string folder, Action<TaskFolderChange> report, TimeSpan? interval = null, CancellationToken cancellation = default)
    {
        if (!Directory.Exists(folder)) throw new DirectoryNotFoundException($"{folder}: there is no such folder of tasks.");
        TaskFolder watched = new(bank, folder, report, interval ?? TimeSpan.FromSeconds(2));
        try
        {
            await watched.ScanAsync(cancellation).ConfigureAwait(false);
        }
        catch
        {
            watched.Dispose();
            throw;
        }

        watched._loop = Task.Run(watched.WatchAsync, CancellationToken.None);
        return watched;
    }

    /// <summary>Watches no more; the bank's tasks stay.</summary>
    public void Dispose()
    {
        _bank.TaskFailed -= OnTaskFailed;
        _stop.Cancel();
        _watcher?.Dispose();
        _loop.GetAwaiter().GetResult();
        _stop.Dispose();
        _changed.Dispose();
    }

    private async Task WatchAsync()
    {
        try
        {
            while (true)
            {
                await _changed.WaitAsync(_interval, _stop.Token).ConfigureAwait(false);
                while (_changed.Wait(0, CancellationToken.None))
                {
                    // Many changes are looked at together.
                }

                await ScanAsync(_stop.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // Watched no more.
        }
    }

    private async Task ScanAsync(CancellationToken cancellation)
    {
        Dictionary<string, string> files;
        try
        {
            files = Directory.EnumerateFiles(_folder, "*" + Ending).Where(path => !Path.GetFileName(path).StartsWith('.'))
                .ToDictionary(path => Path.GetFileNameWithoutExtension(path));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return;       // a share that is away for a moment takes no task away
        }

        foreach (string task in _seen.Keys.Union(_unread.Keys).Where(task => !files.ContainsKey(task)).ToList())
        {
            _seen.Remove(task);
            _unread.Remove(task);
            lock (_gate) _refused.Remove(task);
            if (_bank.Remove(task)) _report(new TaskFolderChange(task, TaskChange.Removed, null, TimeSpan.Zero));
        }

        foreach ((string task, string path) in files.OrderBy(file => file.Key, StringComparer.Ordinal))
        {
            cancellation.ThrowIfCancellationRequested();
            await LookAtAsync(task, path, cancellation).ConfigureAwait(false);
        }
    }

    private async Task LookAtAsync(string task, string path, CancellationToken cancellation)
    {
        (long began, DateTime now) = (Stopwatch.GetTimestamp(), DateTime.UtcNow);
        FileStamp stamp = default;
        string? refusal;
        lock (_gate) refusal = _refused.GetValueOrDefault(task);
        try
        {
            stamp = FileStamp.Of(path);
            if (_seen.TryGetValue(task, out FileStamp known) && known == stamp) return;
            bool isNew = _bank.Find(task) is null;
            (_, _seen[task]) = await _bank.LoadStampedAsync(path, task, cancellation).ConfigureAwait(false);
            _unread.Remove(task);
            lock (_gate)
            {
                // Its self-test may have failed already, and that refusal stays.
                if (ReferenceEquals(_refused.GetValueOrDefault(task), refusal)) _refused.Remove(task);
            }

            _report(new TaskFolderChange(task, isNew ? TaskChange.Loaded : TaskChange.Replaced, null, Stopwatch.GetElapsedTime(began)));
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            if (e is FileNotFoundException || now - stamp.Changed < Settling) return;
            if (e is InvalidDataException) _seen[task] = stamp;       // looked at again when it changes
            else if (!IsSecondLook(task, stamp)) return;
            Refuse(task, e.Message, Stopwatch.GetElapsedTime(began));
        }
    }

    /// <summary>A file that cannot be opened may be somebody's who is still copying it: it is refused at the second look, once, and tried
    /// again at every further one.</summary>
    private bool IsSecondLook(string task, FileStamp stamp)
    {
        int looks = _unread.TryGetValue(task, out (FileStamp Stamp, int Looks) last) && last.Stamp == stamp ? last.Looks + 1 : 1;
        _unread[task] = (stamp, looks);
        return looks == 2;
    }

    private void OnTaskFailed(string task, InvalidDataException error) => Refuse(task, error.Message, TimeSpan.Zero);

    private void Refuse(string task, string reason, TimeSpan took)
    {
        lock (_gate) _refused[task] = reason;
        _report(new TaskFolderChange(task, TaskChange.Refused, reason, took));
    }
}
