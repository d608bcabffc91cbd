using AdaptFormer.Distributed;
using AdaptFormer.Models;
using AdaptFormer.Models.Layers;
using AdaptFormer.Models.Mae;
using AdaptFormer.Models.Vit;
using AdaptFormer.Tensors;
using AdaptFormer.Training.Metrics;

namespace AdaptFormer.Training.Tasks;

/// <summary>
/// To guess the pixels of patches that are hidden: pre-training without labels. A batch's mask is drawn from seed, epoch and batch alone,
/// so that a resumed run repeats nothing and skips nothing.
/// </summary>
/// <remarks>MAE, arXiv:2111.06377, and VideoMAE, arXiv:2203.12602.</remarks>
public sealed class MaskedReconstruction : TrainingTask
{
    private const long MaskStream = 3;       // names the masks' stream below the run's seed
    private readonly MaskedAutoencoder _model;
    private readonly double _maskRatio;

    /// <summary>The task of an autoencoder, of which everything trains but its fixed tables.</summary>
    /// <param name="model">The encoder and the decoder that is dropped afterwards.</param>
    /// <param name="maskRatio">Share of patches that are hidden, in (0, 1); the papers' if null.</param>
    public MaskedReconstruction(MaskedAutoencoder model, double? maskRatio = null)
    {
        _model = model;
        _maskRatio = maskRatio ?? (model.Config.Encoder is VideoVitConfig ? 0.9 : 0.75);
        model.UnfreezeAll();
    }

    /// <inheritdoc/>
    public override Backbone Backbone => _model.Encoder;

    /// <inheritdoc/>
    public override Module Model => _model;

    /// <inheritdoc/>
    public override bool KeepsEpochs => false;

    internal override long RandomStream => MaskStream;

    /// <inheritdoc/>
    public override Tensor Loss(BatchSource source, InputBatch batch, Tensor input, Rng rng, TrainingFigures figures) =>
        _model.Loss(input, Mask(rng.Derive(0), input.Shape[0]));

    /// <inheritdoc/>
    public override TaskScores Score(
        BatchSource source, Collective ranks, Action<double, int>? progress, CancellationToken cancellation)
    {
        Rng masks = new Rng(source.Options.Seed).Derive(MaskStream, 0);
        RunningMean loss = new();
        int done = 0;
        SharedPass.Run(source, ranks, (batch, number) =>
        {
            using TensorScope scope = new();
            float value = _model.Loss(batch.Input, Mask(masks.Derive(number), batch.Count)).Item();
            return [.. BitConverter.GetBytes(batch.Count), .. BitConverter.GetBytes(value)];
        }, bytes =>
        {
            loss.Add(BitConverter.ToSingle(bytes, sizeof(int)), BitConverter.ToInt32(bytes));
            progress?.Invoke(loss.Value, ++done);
        }, cancellation);
        return new TaskScores((int)loss.Count, loss.Value, new Dictionary<string, double>());
    }

    /// <inheritdoc/>
    public override bool Better(TaskScores scores, TaskScores others) => scores.Loss < others.Loss;

    internal override Rng TapeStream(Rng batch) => batch.Derive(1);

    internal override Exception NonFinite(BatchSource source, Tensor input, Rng rng, NonFiniteLoss loss) => new NotFiniteNumberException(
        $"Pre-training stopped at epoch {loss.Epoch}, batch {loss.Batch + 1}: the loss is {loss.Value}. Lower optimizer.base_lr, lengthen "
        + "schedule.warmup_epochs, or set precision to float32; what was saved last is kept.", loss.Value);

    private TokenMask Mask(Rng rng, int batch)
    {
        if (_model.Config.Encoder is not VideoVitConfig video) return TokenMask.Random(rng, batch, _model.Config.Patches, _maskRatio);
        int steps = video.NumFrames / video.TubeletSize;
        return TokenMask.Tubes(rng, batch, steps, video.Patches / steps, _maskRatio);
    }
}
