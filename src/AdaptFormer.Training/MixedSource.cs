using AdaptFormer.Data.Loading;
using AdaptFormer.Models;
using AdaptFormer.Tensors;

namespace AdaptFormer.Training;

/// <summary>Training batches mixed with themselves; what is drawn depends on seed, epoch and the batch's number alone.</summary>
/// <param name="inner">The batches, of pixels.</param>
/// <param name="options">How.</param>
/// <param name="classes">K.</param>
public sealed class MixedSource(BatchSource inner, MixOptions options, int classes) : BatchSource
{
    private const long MixStream = 3;        // names this stream below the run's seed

    /// <inheritdoc/>
    public override LoaderOptions Options => inner.Options;

    /// <inheritdoc/>
    public override int BatchesPerEpoch => inner.BatchesPerEpoch;

    /// <inheritdoc/>
    public override int SamplesPerEpoch => inner.SamplesPerEpoch;

    /// <inheritdoc/>
    public override int Views => inner.Views;

    /// <inheritdoc/>
    public override TimeSpan WaitTime => inner.WaitTime;

    /// <inheritdoc/>
    public override IEnumerable<InputBatch> Epoch(int epoch, int from = 0)
    {
        Rng root = new Rng(inner.Options.Seed).Derive(MixStream, epoch);
        int number = (from * Options.WorldSize) + Options.Rank;
        foreach (InputBatch batch in inner.Epoch(epoch, from))
        {
            Batch loaded = batch.Loaded ?? throw new InvalidOperationException("Only batches of pixels can be mixed.");
            int height = loaded.Dims[^2], width = loaded.Dims[^1];
            BatchMix mix = BatchMix.Draw(options, width, height, root.Derive(number));
            number += Options.WorldSize;
            mix.Apply(loaded.Pixels.Span, batch.Count, width, height);
            yield return new MixedBatch(batch, mix.Targets(batch.Labels, batch.Targets, classes));
        }
    }

    /// <inheritdoc/>
    public override Tensor Forward(Backbone model, Tensor input, Backbone.Observer? observe = null) => inner.Forward(model, input, observe);

    private sealed class MixedBatch(InputBatch batch, float[] targets) : InputBatch
    {
        public override Tensor Input => batch.Input;

        public override ReadOnlySpan<int> Labels => batch.Labels;

        public override ReadOnlySpan<float> Targets => targets;

        public override void Dispose() => batch.Dispose();
    }
}
