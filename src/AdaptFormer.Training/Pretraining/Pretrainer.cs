using System.Diagnostics;
using AdaptFormer.Models.Mae;
using AdaptFormer.Models.VideoVit;
using AdaptFormer.Tensors;
using AdaptFormer.Training.Optimizers;
using AdaptFormer.Training.Schedules;

namespace AdaptFormer.Training.Pretraining;

/// <summary>Steps of masked pre-training: a mask for every batch, drawn from seed, epoch and batch alone, so that a resumed run repeats
/// nothing and skips nothing.</summary>
public sealed class Pretrainer : IDisposable
{
    private const long MaskStream = 3;       // names the masks' stream below the run's seed
    private readonly MaskedAutoencoder _model;
    private readonly Optimizer _optimizer;
    private readonly Schedule _schedule;
    private readonly FlatParameters _flat;
    private readonly double _maskRatio;
    private readonly Rng _rng;

    /// <summary>A trainer of everything in <paramref name="model"/> but its fixed tables.</summary>
    /// <param name="model">The autoencoder.</param>
    /// <param name="optimizer">The optimizer's settings.</param>
    /// <param name="schedule">The learning rate's course.</param>
    /// <param name="maskRatio">Share of patches that are hidden, in (0, 1); the papers' if null.</param>
    /// <param name="seed">Names the masks.</param>
    public Pretrainer(MaskedAutoencoder model, OptimizerOptions optimizer, Schedule schedule, double? maskRatio = null, long seed = 0)
    {
        (_model, _schedule, _rng) = (model, schedule, new Rng(seed).Derive(MaskStream));
        _maskRatio = maskRatio ?? (model.Config.Encoder is VideoVitConfig ? 0.9 : 0.75);
        model.UnfreezeAll();
        _flat = new FlatParameters(model.TrainableParameters());
        _optimizer = optimizer.Create([.. _flat.Segments.Select(s => new ParameterSegment(s.Name, s.Offset, (int)s.Parameter.Length, s.Parameter.Shape.Rank))]);
    }

    /// <summary>Optimizer steps done.</summary>
    public long Steps => _optimizer.Steps;

    /// <summary>The optimizer, whose state a checkpoint keeps.</summary>
    internal Optimizer Optimizer => _optimizer;

    /// <summary>The learning rate of the last step.</summary>
    public double Lr { get; private set; }

    /// <summary>One step on a batch.</summary>
    /// <param name="pixels">[B, 3, H, W] or [B, 3, T, H, W].</param>
    /// <param name="run">Length and peak of the run.</param>
    /// <param name="epoch">The epoch, from 1.</param>
    /// <param name="index">The batch within it.</param>
    /// <returns>The loss before the step.</returns>
    /// <exception cref="NotFiniteNumberException">The loss is NaN or infinite; nothing was changed.</exception>
    public double Step(Tensor pixels, ScheduledRun run, int epoch, int index)
    {
        Rng rng = _rng.Derive(epoch, index);
        using TensorScope scope = new();
        using Tape tape = new(rng.Derive(1));
        Tensor loss = _model.Loss(tape.Watch(pixels), Mask(rng.Derive(0), pixels.Shape[0]));
        double value = loss.Item();
        if (!double.IsFinite(value))
            throw new NotFiniteNumberException($"Pre-training stopped at epoch {epoch}, batch {index + 1}: the loss is {value}. Lower optimizer.base_lr, lengthen schedule.warmup_epochs, or set precision to float32; what was saved last is kept.", value);
        _flat.ZeroGradients();
        tape.Backward(loss);
        StepRate rate = _schedule.At(Steps, run);
        _optimizer.Step(_flat.Values, _flat.Gradients, rate.Lr, rate.Momentum);
        _flat.Changed();
        Lr = rate.Lr;
        return value;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _flat.Dispose();
        _optimizer.Dispose();
    }

    private TokenMask Mask(Rng rng, int batch)
    {
        if (_model.Config.Encoder is not VideoVitConfig video) return TokenMask.Random(rng, batch, _model.Config.Patches, _maskRatio);
        int steps = video.NumFrames / video.TubeletSize;
        return TokenMask.Tubes(rng, batch, steps, video.Patches / steps, _maskRatio);
    }
}
