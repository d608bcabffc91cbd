using System.Diagnostics;
using AdaptFormer.Models;
using AdaptFormer.Peft;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Training.Optimizers;

namespace AdaptFormer.Training.Benchmarking;

/// <summary>Training steps and predictions of one model, method, batch and precision on random pixels: what a user's machine does without waiting for data.</summary>
public sealed class ModelBenchmark : IDisposable
{
    private readonly Backbone _model;
    private readonly FlatParameters _flat;
    private readonly Sgd _sgd;
    private readonly Tensor _pixels;
    private readonly int[] _labels;
    private int _steps;

    /// <summary>Prepares <paramref name="model"/> (which is disposed with this object) for <paramref name="tuning"/> and a batch of random images.</summary>
    /// <param name="model">A backbone with weights.</param>
    /// <param name="tuning">The method.</param>
    /// <param name="batch">Images of the largest call.</param>
    /// <param name="classes">K.</param>
    public ModelBenchmark(Backbone model, Tuning tuning, int batch, int classes = 100)
    {
        _model = model;
        Rng rng = new(0);
        tuning.Attach(model, classes, rng.Derive(1));
        _flat = new FlatParameters(model.TrainableParameters());
        _sgd = new Sgd([.. _flat.Segments.Select(s => new ParameterSegment(s.Name, s.Offset, (int)s.Parameter.Length, s.Parameter.Shape.Rank))], new SgdOptions(Momentum: 0.9));
        _pixels = Tensor.Empty(new Shape([batch, .. model.InputShape]));
        foreach (ref float value in _pixels.Span) value = (float)rng.NextNormal();
        _labels = [.. Enumerable.Range(0, batch).Select(i => i % classes)];
    }

    /// <summary>One training step: forward, loss, backward, optimizer.</summary>
    public void TrainStep() => TrainStep(_labels.Length);

    /// <summary>One training step with the first <paramref name="images"/> of the batch.</summary>
    public void TrainStep(int images)
    {
        using TensorScope scope = new();
        using Tape tape = new(new Rng(_steps++));
        Tensor loss = _model.Forward(tape.Watch(First(images))).SoftmaxCrossEntropy(_labels.AsSpan(0, images));
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
        _model.Forward(First(images));
    }

    /// <summary>Ends training: predictions from now on run as those of a model that was loaded to be used.</summary>
    public void Freeze() => _model.Freeze();

    /// <summary>The median images per second of <paramref name="action"/> over about <paramref name="duration"/>, after a warm-up.</summary>
    public double ImagesPerSecond(Action action, TimeSpan duration)
    {
        action();
        action();
        List<double> seconds = [];
        long begin = Stopwatch.GetTimestamp();
        do
        {
            long start = Stopwatch.GetTimestamp();
            action();
            seconds.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        while (seconds.Count < 3 || Stopwatch.GetElapsedTime(begin) < duration);

        seconds.Sort();
        return _pixels.Shape[0] / seconds[seconds.Count / 2];
    }

    private Tensor First(int images) => _pixels.View(new Shape([images, .. _model.InputShape]));

    /// <inheritdoc/>
    public void Dispose()
    {
        _flat.Dispose();
        _pixels.Dispose();
        _model.Dispose();
    }
}
