using AdaptFormer.Data.Loading;
using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Tensors;

namespace AdaptFormer.Training;

/// <summary>Pictures, made ready by a loader, through the whole model.</summary>
/// <param name="loader">The loader, which stays the caller's.</param>
public sealed class PixelSource(DataLoader loader) : BatchSource
{
    /// <inheritdoc/>
    public override LoaderOptions Options => loader.Options;

    /// <inheritdoc/>
    public override int BatchesPerEpoch => loader.Shard.AllBatches;

    /// <inheritdoc/>
    public override int SamplesPerEpoch => loader.Shard.AllSamples;

    /// <inheritdoc/>
    public override int Views => loader.Samples.Views;

    /// <inheritdoc/>
    public override TimeSpan WaitTime => loader.WaitTime;

    /// <inheritdoc/>
    public override IEnumerable<InputBatch> Epoch(int epoch, int from = 0) =>
        loader.Epoch(epoch, from).Select(batch => new PixelBatch(batch));

    /// <inheritdoc/>
    public override Tensor Forward(Backbone model, Tensor input, Backbone.Observer? observe = null) => model.Forward(input, observe);

    private sealed class PixelBatch(Batch batch) : InputBatch
    {
        private readonly BatchPixels _pixels = new(batch);

        public override Tensor Input => _pixels.Tensor;

        internal override Batch Loaded => batch;

        public override ReadOnlySpan<int> Labels => batch.Labels;

        public override ReadOnlySpan<float> Targets => batch.Targets;

        public override void Dispose()
        {
            _pixels.Dispose();
            batch.Dispose();
        }
    }
}
