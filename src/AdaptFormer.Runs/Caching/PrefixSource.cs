using System.Buffers;
using System.Diagnostics;
using AdaptFormer.Data.Loading;
using AdaptFormer.Models;
using AdaptFormer.Tensors;
using AdaptFormer.Training;

namespace AdaptFormer.Runs.Caching;

/// <summary>Kept tensors through the part of the model behind the cut, in the order in which the loader would have given the
/// pictures.</summary>
internal sealed class PrefixSource : BatchSource, IDisposable
{
    private readonly int _cut;
    private readonly DataLoader _loader;
    private readonly Func<int, PrefixFile> _open;
    private readonly int _views;
    private readonly PrefixFile?[] _files;
    private long _waitTicks;

    /// <summary>A source.</summary>
    /// <param name="cut">Where the pass is cut.</param>
    /// <param name="loader">The loader whose batches it stands for.</param>
    /// <param name="views">Number of views.</param>
    /// <param name="open">Opens a view, computing it where it is not there.</param>
    public PrefixSource(int cut, DataLoader loader, int views, Func<int, PrefixFile> open)
    {
        (_cut, _loader, _views, _open) = (cut, loader, views, open);
        _files = new PrefixFile?[views];
    }

    public override LoaderOptions Options => _loader.Options;

    public override int BatchesPerEpoch => _loader.Shard.AllBatches;

    public override int SamplesPerEpoch => _loader.Shard.AllSamples;

    public override int Views => _loader.Samples.Views;

    public override TimeSpan WaitTime => TimeSpan.FromSeconds((double)_waitTicks / Stopwatch.Frequency);

    /// <summary>Opens all views now, computing those that are not there.</summary>
    public void Open()
    {
        for (int view = 0; view < _views; view++) _files[view] ??= _open(view);
    }

    public override IEnumerable<InputBatch> Epoch(int epoch, int from = 0)
    {
        int view = Math.Max(0, epoch - 1) % _views;
        PrefixFile file = _files[view] ??= _open(view);
        int[] order = _loader.Order(epoch);
        for (int start = from * Options.BatchSize; start < _loader.SamplesPerEpoch; start += Options.BatchSize)
        {
            long began = Stopwatch.GetTimestamp();
            int count = Math.Min(Options.BatchSize, _loader.SamplesPerEpoch - start);
            int[] samples = [.. Enumerable.Range(start, count).Select(i => order[_loader.Shard.Position(i)])];
            KeptBatch batch = new(file, samples, _loader);
            _waitTicks += Stopwatch.GetTimestamp() - began;
            yield return batch;
        }
    }

    public override Tensor Forward(Backbone model, Tensor input, Backbone.Observer? observe = null) => model.RunAfter(_cut, input, observe);

    public void Dispose()
    {
        foreach (PrefixFile? file in _files) file?.Dispose();
    }

    private sealed class KeptBatch : InputBatch
    {
        private readonly int[] _labels;
        private readonly float[] _targets;
        private readonly Tensor _stored;

        public KeptBatch(PrefixFile file, ReadOnlySpan<int> samples, DataLoader loader)
        {
            int classes = loader.MultiLabel ? loader.Dataset.ClassNames.Count : 0;
            _labels = new int[samples.Length];
            _targets = new float[samples.Length * classes];
            _stored = Tensor.Empty(new Shape([samples.Length, .. file.Header.Dims]), file.Header.Type);
            Shape one = new([.. file.Header.Dims]);
            int bytes = checked((int)(file.Header.RecordBytes - PrefixHeader.Preamble));
            byte[] rented = ArrayPool<byte>.Shared.Rent(bytes);
            Span<byte> elements = rented.AsSpan(0, bytes);
            for (int i = 0; i < samples.Length; i++)
            {
                _labels[i] = file.Read(samples[i], elements);
                using (Tensor sample = _stored.View(one, i * one.Length)) sample.CopyBytesFrom(elements);
                if (classes > 0)
                {
                    foreach (int label in loader.Dataset.Labels(samples[i] / loader.Samples.Views)) _targets[(i * classes) + label] = 1;
                }
            }

            ArrayPool<byte>.Shared.Return(rented);
            Input = _stored.As(DataType.Float32);
        }

        public override Tensor Input { get; }

        public override ReadOnlySpan<int> Labels => _labels;

        public override ReadOnlySpan<float> Targets => _targets;

        public override void Dispose()
        {
            Input.Dispose();
            _stored.Dispose();
        }
    }
}
