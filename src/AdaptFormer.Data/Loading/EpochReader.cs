using System.Runtime.ExceptionServices;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Tensors;

namespace AdaptFormer.Data.Loading;

/// <summary>
/// One pass over the data. Workers take single samples, so even the first batch is made by all of them; a sample whose batch is
/// more than the prefetch ahead of the consumer has to wait. One monitor guards all state.
/// </summary>
internal sealed class EpochReader : IDisposable
{
    private readonly DataLoader _loader;
    private readonly int _epoch;
    private readonly int[] _order;
    private readonly Rng _root;
    private readonly Batch?[] _batches;
    private readonly Thread[] _threads;
    private readonly object _monitor = new();
    private int _nextSample, _nextBatch;
    private Exception? _fault;
    private bool _stopped;

    public EpochReader(DataLoader loader, int epoch, int from)
    {
        (_loader, _epoch) = (loader, epoch);
        LoaderOptions options = loader.Options;
        _order = loader.Order(epoch);
        _root = new Rng(options.Seed);
        _batches = new Batch?[loader.BatchesPerEpoch];
        (_nextBatch, _nextSample) = (from, Math.Min(from * options.BatchSize, loader.SamplesPerEpoch));
        _threads = new Thread[Math.Min(options.WorkerCount, loader.SamplesPerEpoch)];
        for (int i = 0; i < _threads.Length; i++)
        {
            _threads[i] = new Thread(Work) { IsBackground = true, Name = $"AdaptFormer data worker {i}" };
            _threads[i].Start();
        }
    }

    /// <summary>The next batch, when it is complete.</summary>
    public Batch Take()
    {
        Batch batch;
        lock (_monitor)
        {
            while (!_stopped && _fault is null && _batches[_nextBatch] is not { Remaining: 0 }) Monitor.Wait(_monitor);
            if (_fault is not null) ExceptionDispatchInfo.Throw(_fault);
            ObjectDisposedException.ThrowIf(_stopped, _loader);
            batch = _batches[_nextBatch]!;
            _batches[_nextBatch++] = null;
            Monitor.PulseAll(_monitor);
        }

        if (batch.Error is null) return batch;
        Exception error = batch.Error;
        batch.Dispose();
        ExceptionDispatchInfo.Throw(error);
        return batch;
    }

    /// <summary>Stops the workers, waits for their end and recycles what they made.</summary>
    public void Dispose()
    {
        lock (_monitor)
        {
            _stopped = true;
            Monitor.PulseAll(_monitor);
        }

        foreach (Thread thread in _threads)
        {
            if (thread != Thread.CurrentThread) thread.Join();
        }

        for (int i = 0; i < _batches.Length; i++)
        {
            _batches[i]?.Dispose();
            _batches[i] = null;
        }
    }

    /// <summary>A thread's work. What fails outside of a sample must not end the process: it ends the epoch, at the consumer.</summary>
    private void Work()
    {
        try
        {
            FillAll();
        }
        catch (Exception error)
        {
            lock (_monitor)
            {
                _fault ??= error;
                Monitor.PulseAll(_monitor);
            }
        }
    }

    private void FillAll()
    {
        IDisposable scratch = _loader.RentScratch();
        Rng rng = new(0);
        while (NextSample() is var (batch, slot, index))
        {
            Exception? error = null;
            try
            {
                Fill(batch, slot, index, rng, scratch);
            }
            catch (Exception caught)
            {
                error = caught;
            }

            lock (_monitor)
            {
                if (error is not null) batch.Error ??= error;
                if (--batch.Remaining == 0) Monitor.PulseAll(_monitor);
            }
        }

        _loader.Return(scratch);
    }

    /// <summary>Hands out the samples of the epoch one by one; null when there are no more, or the reader is stopped.</summary>
    private (Batch Batch, int Slot, int Index)? NextSample()
    {
        int size = _loader.Options.BatchSize;
        lock (_monitor)
        {
            while (!_stopped && _nextSample < _loader.SamplesPerEpoch && _nextSample / size >= _nextBatch + _loader.Options.Prefetch)
                Monitor.Wait(_monitor);
            if (_stopped || _nextSample >= _loader.SamplesPerEpoch) return null;

            int sample = _nextSample++, number = sample / size;
            Batch batch = _batches[number] ??= _loader.RentBatch(Math.Min(size, _loader.SamplesPerEpoch - (number * size)));
            return (batch, sample % size, _order[_loader.Shard.Position(sample)]);
        }
    }

    private void Fill(Batch batch, int slot, int sample, Rng rng, IDisposable scratch)
    {
        SampleMaker samples = _loader.Samples;
        int item = sample / samples.Views;
        try
        {
            if (batch.Classes > 0) batch.SetTargets(slot, samples.Data.Labels(item));
            batch.SetLabel(slot, sample, batch.Classes > 0 ? 0 : samples.Data.Label(item));
            EpochOrder.Sample(_root, _epoch, sample, rng);
            if (batch.Normalizer is null) samples.Make(sample, rng, batch.Slot(slot), scratch);
            else samples.Make(sample, rng, batch.ByteSlot(slot), scratch);
        }
        catch (Exception error) when (ItemErrors.IsOfItem(error))
        {
            string reason = ItemErrors.Reason(samples.Data, item, error);
            if (_loader.Options.Unreadable == UnreadableImages.Fail) throw new InvalidDataException(reason, error);
            _loader.Report(item, reason);
            if (batch.Normalizer is null) batch.Slot(slot).Clear();
            else batch.ByteSlot(slot).Clear();
            batch.SetLabel(slot, sample, Batch.Unreadable);
        }
    }
}
