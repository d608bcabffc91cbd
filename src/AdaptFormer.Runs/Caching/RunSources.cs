using System.Diagnostics;
using AdaptFormer.Data.Loading;
using AdaptFormer.Data;
using AdaptFormer.Distributed;
using AdaptFormer.Models;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tensors;
using AdaptFormer.Training;

namespace AdaptFormer.Runs.Caching;

/// <summary>
/// The sources of a run's batches: pictures, or what the cache keeps of the frozen part, wherever that gives what pictures would give. Why
/// it is used or not is reported, never guessed.
/// </summary>
public sealed class RunSources : IDisposable
{
    private readonly Backbone _model;
    private readonly CacheOptions _options;
    private readonly PrefixStore _store;
    private readonly Action<RunRecord> _report;
    private readonly CancellationToken _cancellation;
    private readonly List<PrefixSource> _owned = [];
    private readonly List<string> _kinds = [];
    private readonly int? _cut;
    private readonly int[] _dims = [];
    private readonly DataType _type;
    private long _planned;

    /// <summary>Decides for every part of the data.</summary>
    /// <param name="options">The recipe's choice.</param>
    /// <param name="mix">How training batches are mixed, which takes pixels.</param>
    /// <param name="model">The model, with its method attached.</param>
    /// <param name="data">The loaders.</param>
    /// <param name="report">Told what is done and why.</param>
    /// <param name="cancellation">Stops a computation.</param>
    public RunSources(CacheOptions options, MixOptions mix, Backbone model, RecipeData data, Action<RunRecord> report,
        CancellationToken cancellation)
    {
        (_model, _options, _report, _cancellation) = (model, options, report, cancellation);
        _store = new PrefixStore(options.Folder ?? PrefixStore.DefaultFolder, (long)(options.MaxGb * 1e9));
        if (options.Mode == CacheMode.Auto)
        {
            _cut = model.FrozenCut;
            if (_cut is { } cut)
            {
                _dims = DimsAt(cut);
                _type = options.Precision switch
                {
                    CachePrecision.Float32 => DataType.Float32,
                    CachePrecision.BFloat16 => DataType.BFloat16,
                    _ => _dims.Length > 1 && model.Compute == DataType.BFloat16 ? DataType.BFloat16 : DataType.Float32,
                };
            }
            else
            {
                report(new CacheRecord(
                    false, "not used: training changes or varies what the first layers make, so nothing stays the same from epoch to epoch",
                    0));
            }
        }

        Train = mix.IsOn ? Mixed(data, mix) : Choose("training", data.Train, Math.Max(1, options.Views), options.Views > 0);
        Validation = data.Validation is null ? null : Choose("validation", data.Validation, 1, fixedViews: false);
        Test = data.Test is null ? null : Choose("test", data.Test, 1, fixedViews: false);
    }

    /// <summary>What training reads.</summary>
    public BatchSource Train { get; }

    /// <summary>The pictures set aside; null for none.</summary>
    public BatchSource? Validation { get; }

    /// <summary>The pictures scored at the end; null for none.</summary>
    public BatchSource? Test { get; }

    /// <summary>What each part reads, for a comparison with other processes: results depend on it.</summary>
    public string Kinds => string.Join(", ", _kinds);

    /// <summary>Opens everything that is kept, computing what is not there, and waits for the processes that do so on other machines: a
    /// time that no deadline knows. One process does so when it gets there.</summary>
    /// <exception cref="ExchangeException">Another process does not come.</exception>
    public void Prepare(Collective ranks)
    {
        if (ranks.Size == 1 || _owned.Count == 0) return;
        foreach (PrefixSource source in _owned) source.Open();
        ranks.Wait(TimeSpan.FromDays(1));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (PrefixSource source in _owned) source.Dispose();
    }

    /// <summary>Whether kept tensors are made in 8 bits, which the host alone does.</summary>
    private bool InBytes => _options.Compute == CacheCompute.Int8 && Backend.Current.Device == Device.Host;

    private MixedSource Mixed(RecipeData data, MixOptions mix)
    {
        if (_options.Mode == CacheMode.Auto)
            _report(new CacheRecord(false,
                "training: not used, because mixed batches differ each epoch; to keep tensors leave mix out", 0));
        return new MixedSource(new PixelSource(data.Train), mix, data.ClassNames.Count);
    }

    private BatchSource Choose(string part, DataLoader loader, int views, bool fixedViews)
    {
        PixelSource pictures = new(loader);
        if (_cut is not { } cut) return pictures;
        bool isFixed = loader.Samples.IsDeterministic;
        if (!isFixed && !fixedViews)
        {
            _report(new CacheRecord(
                false, $"{part}: not used, because the transform draws anew each epoch; for fixed draws set cache.views, "
                    + "for none data.transform.crop=center and flip=false", 0));
            return pictures;
        }

        if (isFixed) views = 1;
        PrefixHeader[] headers = [.. Enumerable.Range(0, views).Select(view => new PrefixHeader(
            PrefixHeader.CurrentFormat, PrefixKey.Of(_model, cut, loader, isFixed ? null : view, _type, InBytes), loader.Samples.Count,
            _dims, _type))];
        long bytes = headers.Sum(header => header.FileBytes);
        if (_planned + bytes > _store.MaxBytes)
        {
            _report(new CacheRecord(
                false, $"{part}: not used, because {_planned + bytes} bytes are more than cache.max_gb allows ({_store.MaxBytes})", bytes));
            return pictures;
        }

        _planned += bytes;
        string place = cut > _model.Blocks.Count ? "features" : cut == _model.Blocks.Count ? "the last block's result"
            : $"tokens ahead of block {cut + 1}";
        bool isExact = _type == DataType.Float32 && !InBytes;
        string exactness = $"{(InBytes ? "made in 8 bits, " : "")}kept in {(_type == DataType.Float32 ? "f32" : "bf16")}, results "
            + (isExact ? "stay bit for bit the same" : "differ by rounding");
        string draws = isFixed ? "" : $", {views} fixed view{(views == 1 ? "" : "s")} a picture";
        _report(new CacheRecord(true, $"{part}: {place}{draws}, {exactness}{(headers.All(_store.Has) ? ", found" : "")}", bytes));

        LoaderOptions whole = loader.Options with { Shuffle = false, DropLast = false, Rank = 0, WorldSize = 1 };
        PrefixSource source = new(cut, loader, views, view =>
        {
            using DataLoader reading = new(loader.Samples, whole);
            long start = Stopwatch.GetTimestamp();
            PrefixJob job = new(headers[view], _model, cut, reading, view + 1)
            {
                InBytes = InBytes,
                Progress = done => Progress(reading, done, start),
                Waiting = () => _report(new CacheRecord(true, $"{part}: another training computes the same tensors; waiting for it", 0)),
            };
            PrefixFile file = _store.Open(job, _cancellation);
            foreach ((_, string reason) in reading.UnreadablePictures)
                _report(new WarningRecord($"{reason} (counted as wrong)"));
            return file;
        });
        _owned.Add(source);
        _kinds.Add($"{part} kept {place} in {_type}");
        return source;
    }

    private void Progress(DataLoader reading, int done, long start)
    {
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        int batches = (done + reading.Options.BatchSize - 1) / reading.Options.BatchSize;
        _report(new ProgressRecord(
            "cache", 0, 0, batches, reading.BatchesPerEpoch, null, done / seconds, reading.WaitTime.TotalSeconds / seconds,
            seconds * (reading.Samples.Count - done) / done));
    }

    private int[] DimsAt(int cut)
    {
        using TensorScope scope = new();
        return _model.RunBefore(cut, Tensor.Zeros([1, .. _model.InputShape.Dims])).Shape.Dims[1..].ToArray();
    }
}
