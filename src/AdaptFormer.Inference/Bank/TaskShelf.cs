using AdaptFormer.Models;
using AdaptFormer.Peft;

namespace AdaptFormer.Inference;

/// <summary>
/// The tasks of a bank by name, and which of them are in memory. Beyond the limit those that were not asked for longest are let go, but
/// for pinned ones; they are read again from their files when somebody asks. Safe for many threads.
/// </summary>
/// <param name="model">The backbone.</param>
/// <param name="limit">Most bytes of all tasks.</param>
internal sealed class TaskShelf(Backbone model, long limit) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Place> _places = [];
    private long _clock;

    /// <summary>All tasks, by name.</summary>
    public IReadOnlyList<BankedTask> All
    {
        get
        {
            lock (_gate)
            {
                return [.. _places.Values.OrderBy(place => place.Name, StringComparer.Ordinal).Select(place => place.Shown)];
            }
        }
    }

    /// <summary>Names of all tasks, in ordinal order.</summary>
    public IReadOnlyList<string> Names
    {
        get
        {
            lock (_gate) return [.. _places.Keys.Order(StringComparer.Ordinal)];
        }
    }

    /// <summary>One task; null if there is none of this name.</summary>
    public BankedTask? Find(string name)
    {
        lock (_gate) return _places.GetValueOrDefault(name)?.Shown;
    }

    /// <summary>Reads a file as the next version of a task; nothing else changes.</summary>
    /// <exception cref="IOException">It cannot be read, or was changed meanwhile.</exception>
    public TaskVersion Read(string name, string path)
    {
        int number;
        lock (_gate) number = (_places.GetValueOrDefault(name)?.Number ?? 0) + 1;
        return Read(name, number, path, tested: null);
    }

    /// <summary>Puts a version in the place of its name; the one that was there answers what was asked of it, and goes.</summary>
    public void Put(TaskVersion version)
    {
        lock (_gate)
        {
            if (!_places.TryGetValue(version.Name, out Place? place)) _places[version.Name] = place = new Place(version.Name, version.Info);
            place.Version?.Retire();
            (place.Version, place.Info, place.Number, place.Used) =
                (version, version.Info, Math.Max(place.Number, version.Number), ++_clock);
            LetGo(place);
        }
    }

    /// <summary>Takes a task away; questions that were asked are answered.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="only">Takes it away only if this version is there; any if null.</param>
    /// <returns>Whether it was there.</returns>
    public bool Remove(string name, TaskVersion? only = null)
    {
        lock (_gate)
        {
            if (!_places.TryGetValue(name, out Place? place) || (only is not null && place.Version != only)) return false;
            place.Version?.Retire();
            return _places.Remove(name);
        }
    }

    /// <summary>The version that answers now, pinned; read again where it had been let go.</summary>
    /// <exception cref="UnknownTaskException">There is no task of this name.</exception>
    /// <exception cref="IOException">It had been let go, and its file cannot be read any more.</exception>
    /// <exception cref="InvalidDataException">It had been let go, and its file is damaged now.</exception>
    public async ValueTask<TaskVersion> PinAsync(string name)
    {
        while (true)
        {
            Task reading;
            lock (_gate)
            {
                if (!_places.TryGetValue(name, out Place? place)) throw new UnknownTaskException(name, Names);
                place.Used = ++_clock;
                if (place.Version is { } present && present.TryPin()) return present;
                reading = place.Reading ??= Task.Run(() => ReadAgain(place));
            }

            await reading.ConfigureAwait(false);
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            foreach (Place place in _places.Values) place.Version?.Retire();
            _places.Clear();
        }
    }

    /// <summary>Reads a task that had been let go; one that was replaced or removed meanwhile stays as it is now.</summary>
    private void ReadAgain(Place place)
    {
        try
        {
            TaskVersion read = Read(place.Name, place.Number, place.Info.Path, place.Tested);
            lock (_gate)
            {
                if (_places.GetValueOrDefault(place.Name) != place || place.Version is not null)
                {
                    read.Retire();
                    return;
                }

                (place.Version, place.Info) = (read, read.Info);
                LetGo(place);
            }
        }
        finally
        {
            lock (_gate) place.Reading = null;
        }
    }

    private TaskVersion Read(string name, int number, string path, FileStamp? tested)
    {
        FileStamp stamp = FileStamp.Of(path);
        AdapterTask task = AdapterTask.Load(path, model);
        if (FileStamp.Of(path) == stamp) return new TaskVersion(name, number, task, model, stamp, tested == stamp, OnIdle);
        task.Dispose();
        throw new IOException($"{path} was changed while it was read; try again when it is written.");
    }

    /// <summary>Nobody asks a version any more: it may have been kept beyond the limit for that alone, or have grown.</summary>
    private void OnIdle()
    {
        lock (_gate) LetGo(newest: null);
    }

    /// <summary>Lets go of what is beyond the limit, but for the newest: the one that was asked for last if null.</summary>
    private void LetGo(Place? newest)
    {
        long bytes = _places.Values.Sum(place => place.Version?.Bytes ?? 0);
        if (bytes <= limit) return;
        newest ??= _places.Values.MaxBy(place => place.Used);
        foreach (Place place in _places.Values.OrderBy(place => place.Used).ToList())
        {
            if (bytes <= limit) break;
            if (place == newest || place.Version is not { IsPinned: false } version) continue;
            bytes -= version.Bytes;
            version.Retire();
            (place.Version, place.Tested) = (null, version.IsTested ? version.Stamp : null);
        }
    }

    private sealed class Place(string name, AdapterInfo info)
    {
        public string Name => name;

        public AdapterInfo Info { get; set; } = info;

        public int Number { get; set; }

        public long Used { get; set; }

        public TaskVersion? Version { get; set; }

        /// <summary>The file of the version that was let go, if that had passed its self-test.</summary>
        public FileStamp? Tested { get; set; }

        public Task? Reading { get; set; }

        public BankedTask Shown => new(Name, Info, Number, Version is not null, Version?.Bytes ?? 0, Version?.IsTested == true);
    }
}
