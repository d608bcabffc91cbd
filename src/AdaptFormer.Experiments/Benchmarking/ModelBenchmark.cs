using System.Diagnostics;
using AdaptFormer.Models;
using AdaptFormer.Peft;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Training;
using AdaptFormer.Training.Optimizers;

namespace AdaptFormer.Experiments.Benchmarking;

/// <summary>Training steps and predictions of one model, method, batch and precision on random pixels: what a user's machine does without
/// waiting for data.</summary>
public sealed class ModelBenchmark : IDisposable
{
    private readonly FlatParameters _flat;
    private readonly Sgd _sgd;
    private readonly Tensor _pixels;
    private readonly int? _cut;
    private readonly Tensor? _kept;
    private readonly int[] _labels;
    private int _steps;

    /// <summary>Prepares <paramref name="model"/> (which is disposed with this object) for <paramref name="tuning"/> and a batch of
    /// random images.</summary>
    /// <param name="model">A backbone with weights.</param>
    /// <param name="tuning">The method.</param>
    /// <param name="batch">Images of the largest call.</param>
    /// <param name="classes">K.</param>
    /// <param name="kept">Whether training steps start behind the part that they do not change, from its results for these images.</param>
    /// <exception cref="ArgumentException">Results are to be kept, and training changes the model from its first layer on.</exception>
    public ModelBenchmark(Backbone model, Tuning tuning, int batch, int classes = 100, bool kept = false)
    {
        Model = model;
        Rng rng = new(0);
        tuning.Attach(model, classes, rng.Derive(1));
        _flat = new FlatParameters(model.TrainableParameters());
        _sgd = new Sgd([.. _flat.Segments.Select(s => new ParameterSegment(s.Name, s.Offset, (int)s.Parameter.Length,
            s.Parameter.Shape.Rank))], new SgdOptions(Momentum: 0.9));
        Shape shape = new([batch, .. model.InputShape]);
        float[] pixels = new float[shape.Length];
        foreach (ref float value in pixels.AsSpan()) value = (float)rng.NextNormal();
        _pixels = Tensor.From(pixels, shape);
        _labels = [.. Enumerable.Range(0, batch).Select(i => i % classes)];
        if (!kept) return;
        _cut = model.FrozenCut ?? throw new ArgumentException(
            $"{model.Id} with {tuning.Method}: training changes the model from its first block on, so there are no results to keep.");
        _kept = model.RunBefore(_cut.Value, _pixels);
    }

    /// <summary>The model.</summary>
    public Backbone Model { get; }

    /// <summary>What training steps compute once more instead of keeping it.</summary>
    public Recomputation Recompute { get; init; }

    /// <summary>One training step: forward, loss, backward, optimizer.</summary>
    public void TrainStep() => TrainStep(_labels.Length);

    /// <summary>One training step with the first <paramref name="images"/> of the batch.</summary>
    public void TrainStep(int images)
    {
        using TensorScope scope = new();
        using Tape tape = new(new Rng(_steps++)) { RecomputesBlocks = Recompute == Recomputation.Blocks };
        Tensor input = tape.Watch(First(images, _kept ?? _pixels));
        Tensor loss = (_cut is { } cut ? Model.RunAfter(cut, input) : Model.Forward(input)).SoftmaxCrossEntropy(_labels.AsSpan(0, images));
        _flat.ZeroGradients();
        tape.Backward(loss);
        _sgd.Step(_flat.Values, _flat.Gradients, 1e-3);
        _flat.Changed();
    }

    /// <summary>Logits of the batch.</summary>
    public void Predict() => Predict(_labels.Length);

    /// <summary>Logits of the first <paramref name="images"/> of the batch.</summary>
    public void Predict(int images)
    {
        using TensorScope scope = new();
        First(images, _pixels).Repeat(this, input => Model.Forward(input));
    }

    /// <summary>Ends training: predictions from now on run as those of a model that was loaded to be used.</summary>
    public void Freeze() => Model.Freeze();

    /// <summary>
    /// The median images per second of <paramref name="action"/> over about <paramref name="duration"/>, after a warm-up. With another
    /// action, the two take turns, and the median over the turns of the first one's time divided by the other's comes with it: what
    /// disturbs the machine disturbs both.
    /// </summary>
    public (double ImagesPerSecond, double? TimeRatio) ImagesPerSecond(Action action, TimeSpan duration, Action? other = null)
    {
        for (int i = 0; i < 2; i++)
        {
            action();
            other?.Invoke();
        }

        List<double> seconds = [], ratios = [];
        long begin = Stopwatch.GetTimestamp();
        do
        {
            seconds.Add(Seconds(action));
            if (other is not null) ratios.Add(seconds[^1] / Seconds(other));
        }
        while (seconds.Count < 3 || Stopwatch.GetElapsedTime(begin) < duration);

        return (_pixels.Shape[0] / LatencyBenchmark.Quantile(seconds, 0.5), other is null ? null : LatencyBenchmark.Quantile(ratios, 0.5));
    }

    private static double Seconds(Action action)
    {
        long start = Stopwatch.GetTimestamp();
        action();
        Backend.Current.Synchronize();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static Tensor First(int images, Tensor all) => all.View(all.Shape.WithFirst(images));

    /// <inheritdoc/>
    public void Dispose()
    {
        _flat.Dispose();
        _sgd.Dispose();
        _kept?.Dispose();
        _pixels.Dispose();
        Model.Dispose();
    }
}
