using System.Diagnostics;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Transforms;
using AdaptFormer.Tensors;

namespace AdaptFormer.Data.Loading;

/// <summary>
/// Makes batches ahead of the consumer on threads of its own. What a batch holds depends on the data, the transform, the seed
/// and the epoch only: neither on the number of workers nor on timing. One epoch at a time; for one consumer.
/// </summary>
public sealed class DataLoader : IDisposable
{
    private readonly Stack<Batch> _free = new();
    private readonly Stack<IDisposable> _scratch = new();
    private readonly Lock _pool = new();
    private readonly List<(int Index, string Reason)> _unreadable = [];
    private EpochReader? _current;
    private BalancedSampler? _sampler;
    private long _waitTicks;
    private bool _disposed;

    /// <summary>A loader; its threads run only while an epoch is read.</summary>
    /// <param name="dataset">The pictures.</param>
    /// <param name="transform">What becomes of each.</param>
    /// <param name="options">Batch size, order, workers.</param>
    /// <exception cref="ArgumentException">The data set is empty, or gives no batch because the last one is dropped.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    public DataLoader(LabelledDataset dataset, ImageTransform transform, LoaderOptions options)
        : this(new ItemSamples(dataset, transform), options)
    {
    }

    /// <summary>A loader of any samples.</summary>
    /// <param name="samples">What becomes of each item.</param>
    /// <param name="options">Batch size, order, workers.</param>
    /// <exception cref="ArgumentException">The data set is empty, or gives no batch because the last one is dropped.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    public DataLoader(SampleMaker samples, LoaderOptions options)
    {
        options.Validate();
        // no memory for what never comes
        if (!options.DropLast) options = options with { BatchSize = Math.Clamp(samples.Count, 1, options.BatchSize) };
        (Samples, Options, InBytes) = (samples, options, options.Bytes ?? Backend.Current.Device != Device.Host);
        Shard = new EpochShard(samples.Count, options.BatchSize, options.DropLast, options.Rank, options.WorldSize);
        if (Shard.AllBatches == 0)
        {
            throw new ArgumentException(
                $"DataLoader: {Dataset.Name} has {samples.Count} {Dataset.Things}, which gives no batch of {options.BatchSize}"
                + (options.DropLast ? "; use a smaller batch or keep the last one." : "."), nameof(samples));
        }
    }

    /// <summary>The items.</summary>
    public LabelledDataset Dataset => Samples.Data;

    /// <summary>What becomes of each.</summary>
    public SampleMaker Samples { get; }

    /// <summary>How batches are made.</summary>
    public LoaderOptions Options { get; }

    /// <summary>The part of every epoch that this loader reads.</summary>
    public EpochShard Shard { get; }

    /// <summary>Whether batches carry targets [B, K] in place of one class a sample.</summary>
    public bool MultiLabel => Options.MultiLabel ?? Dataset.MultiLabel;

    /// <summary>Whether batches are made of 8-bit values where the samples allow it.</summary>
    private bool InBytes { get; }

    /// <summary>The samples of an epoch of all processes, in order; with <see cref="LoaderOptions.Balanced"/> drawn with
    /// replacement.</summary>
    /// <param name="epoch">Epoch.</param>
    public int[] Order(int epoch) => Options.Balanced
        ? (_sampler ??= new BalancedSampler(Samples)).Draw(Options.Seed, epoch)
        : EpochOrder.For(Samples.Count, Options.Shuffle, Options.Seed, epoch);

    /// <summary>Number of this process's batches of every epoch.</summary>
    public int BatchesPerEpoch => Shard.Batches;

    /// <summary>Number of this process's samples of every epoch.</summary>
    public int SamplesPerEpoch => Shard.Samples;

    /// <summary>Time that the consumer has spent waiting for batches, since the loader was made.</summary>
    public TimeSpan WaitTime => TimeSpan.FromSeconds((double)Interlocked.Read(ref _waitTicks) / Stopwatch.Frequency);

    /// <summary>Items that could not be read so far, under <see cref="UnreadableImages.CountAsWrong"/>: each once, by its position in the
    /// data set, with the reason.</summary>
    public IReadOnlyList<(int Index, string Reason)> UnreadablePictures
    {
        get
        {
            lock (_pool) return [.. _unreadable.OrderBy(u => u.Index)];
        }
    }

    /// <summary>
    /// The batches of an epoch, in order. The consumer disposes each batch. Leaving the loop early, or disposing the enumerator,
    /// ends the workers before it returns.
    /// </summary>
    /// <param name="epoch">Epoch, which names the order and the augmentations.</param>
    /// <param name="from">The first batch, among this process's; those before it are not made.</param>
    /// <exception cref="InvalidOperationException">Another epoch is still being read.</exception>
    /// <exception cref="InvalidDataException">A picture cannot be read (thrown on reaching its batch); the message names it.</exception>
    public IEnumerable<Batch> Epoch(int epoch, int from = 0)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_current is not null) throw new InvalidOperationException("DataLoader: an epoch is still being read; leave its loop first.");
        using EpochReader reader = _current = new EpochReader(this, epoch, from);
        try
        {
            for (int i = from; i < BatchesPerEpoch; i++)
            {
                long start = Stopwatch.GetTimestamp();
                Batch batch;
                try
                {
                    batch = reader.Take();
                }
                finally
                {
                    Interlocked.Add(ref _waitTicks, Stopwatch.GetTimestamp() - start);
                }

                yield return batch;
            }
        }
        finally
        {
            _current = null;
        }
    }

    /// <summary>Ends a running epoch and releases the memory.</summary>
    public void Dispose()
    {
        _disposed = true;
        _current?.Dispose();
        lock (_pool)
        {
            foreach (IDisposable scratch in _scratch) scratch.Dispose();
            _scratch.Clear();
            _free.Clear();
        }
    }

    internal Batch RentBatch(int count)
    {
        Batch? batch;
        lock (_pool) _free.TryPop(out batch);
        try
        {
            batch ??= new Batch(Options.BatchSize, Samples.Dims, MultiLabel ? Dataset.ClassNames.Count : 0,
                InBytes ? Samples.Normalizer : null, Recycle);
        }
        catch (Exception error) when (error is OverflowException or OutOfMemoryException)
        {
            throw new ArgumentException(
                $"{Dataset.Name}: a batch of {Options.BatchSize} samples [{string.Join(", ", Samples.Dims)}] is larger than memory allows; "
                    + $"use a smaller batch.", error);
        }

        batch.Begin(count);
        return batch;
    }

    internal IDisposable RentScratch()
    {
        lock (_pool)
        {
            if (_scratch.TryPop(out IDisposable? scratch)) return scratch;
        }

        return Samples.CreateScratch();
    }

    internal void Return(IDisposable scratch)
    {
        lock (_pool)
        {
            if (!_disposed)
            {
                _scratch.Push(scratch);
                return;
            }
        }

        scratch.Dispose();
    }

    internal void Report(int index, string reason)
    {
        lock (_pool)
        {
            if (!_unreadable.Exists(u => u.Index == index)) _unreadable.Add((index, reason));
        }
    }

    private void Recycle(Batch batch)
    {
        lock (_pool)
        {
            if (!_disposed) _free.Push(batch);
        }
    }
}
