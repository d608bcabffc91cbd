using System.Diagnostics;
using AdaptFormer.Data.Loading;
using AdaptFormer.Data;
using AdaptFormer.Distributed;
using AdaptFormer.Models;
using AdaptFormer.Models.Layers;
using AdaptFormer.Tensors;
using AdaptFormer.Training.Optimizers;
using AdaptFormer.Training.Schedules;
using AdaptFormer.Training.Tasks;

namespace AdaptFormer.Training.Loop;

/// <summary>How a <see cref="Trainer"/> learns; a recipe without its model and data.</summary>
/// <param name="Epochs">Passes over the training data, at least 1.</param>
/// <param name="Optimizer">The optimizer's settings, with the base learning rate for a batch of 256.</param>
/// <param name="Schedule">The learning rate's course.</param>
/// <param name="Accumulate">Batches per optimizer step, of all processes together, at least 1.</param>
/// <param name="EvaluateEvery">Epochs between two evaluations; the last is always evaluated.</param>
/// <param name="Seed">Names the dropout masks.</param>
/// <param name="ClipNorm">Longest gradient, all parameters as one vector, that an optimizer step sees; null for any.</param>
/// <param name="EmaDecay">Decay of the moving average of what trains, which is evaluated and kept in place of the last values; 0 for
/// none.</param>
/// <param name="LayerDecay">Factor of the learning rate from one block to the one before it, in (0, 1]; null for one rate.</param>
/// <param name="AccumulateRest">What becomes of the last batches of an epoch that <paramref name="Accumulate"/> does not divide.</param>
/// <param name="EarlyStopping">Epochs without a better score on the validation data after which training ends, at least 1; null for
/// never.</param>
/// <param name="Exchange">How several processes add their gradients.</param>
/// <param name="SaveSteps">Optimizer steps between two calls of <see cref="Trainer.SaveDue"/>; null for none by steps.</param>
/// <param name="SaveMinutes">The most minutes between two such calls; null for none by time.</param>
public sealed record TrainerOptions(
    int Epochs, OptimizerOptions Optimizer, Schedule Schedule, int Accumulate = 1, int EvaluateEvery = 1, long Seed = 0,
    double? ClipNorm = null, double EmaDecay = 0, double? LayerDecay = null,
    AccumulateRest AccumulateRest = AccumulateRest.Step, int? EarlyStopping = null,
    ExchangeOrder Exchange = ExchangeOrder.Ordered, int? SaveSteps = null, double? SaveMinutes = null)
{
    /// <summary>What the backward pass computes once more instead of keeping it.</summary>
    public Recomputation Recompute { get; init; }
}

/// <summary>
/// The training loop: batches forwards and backwards, the optimizer after every group of accumulated batches, an evaluation after
/// every epoch, the best epoch kept. It prints nothing; what happens goes to <see cref="Progress"/> and <see cref="EpochDone"/>.
/// Several processes may share the batches of a step: each has a trainer, and all of them end with the same numbers.
/// </summary>
public sealed partial class Trainer : IDisposable
{
    private readonly TrainingTask _task;
    private readonly TrainerOptions _options;
    private readonly Collective _ranks;
    private readonly FlatParameters _flat;
    private readonly GradientSum _sum;
    private readonly Parameter[] _buffers;
    private readonly Dictionary<Parameter, int> _numbers;
    private readonly Optimizer _optimizer;
    private readonly ParameterAverage? _average;
    private readonly Rng _rng;
    private readonly Stopwatch _clock = new();
    private Snapshot? _best;
    private EpochState? _state;
    private TimeSpan _saved;
    private long _step;
    private int _epochsBefore, _doneBefore;
    private IReadOnlyList<RankTime> _times = [];

    /// <summary>A trainer of everything that is trainable in a backbone with a classifier, by the cross-entropy of one class.</summary>
    /// <exception cref="ArgumentException">Nothing is trainable.</exception>
    public Trainer(Backbone model, TrainerOptions options)
        : this(new Classification(model, new TrainingLoss(new LossOptions())), options)
    {
    }

    /// <summary>A trainer of everything that is trainable in a task's modules.</summary>
    /// <param name="task">What is learned.</param>
    /// <param name="options">How.</param>
    /// <param name="ranks">The processes that share the batches; this one alone if null.</param>
    /// <exception cref="ArgumentException">Nothing is trainable, or the processes cannot share a step evenly.</exception>
    public Trainer(TrainingTask task, TrainerOptions options, Collective? ranks = null)
    {
        (_task, _options, _ranks) = (task, options, ranks ?? Collective.Single);
        if (options.Accumulate % _ranks.Size != 0)
        {
            throw new ArgumentException(
                $"{_ranks.Size} processes cannot share accumulate = {options.Accumulate}: it counts the batches of a step over all "
                + $"processes, so set it to a multiple of {_ranks.Size}, with a smaller batch to keep the step as large.");
        }

        _flat = new FlatParameters(task.Model.TrainableParameters());
        _sum = new GradientSum(_flat, _ranks, options.Exchange);
        _buffers = [.. task.Model.Buffers().Select(entry => entry.Value)];
        _numbers = _buffers.Index().ToDictionary(entry => entry.Item, entry => entry.Index);
        Func<string, Parameter, double> scale = Optimizers.LayerDecay.For(task.Backbone, options.LayerDecay);
        _optimizer = options.Optimizer.Create(
            [.. _flat.Segments.Select(segment => new ParameterSegment(
                segment.Name, segment.Offset, (int)segment.Parameter.Length, segment.Parameter.Shape.Rank,
                scale(segment.Name, segment.Parameter)))]);
        if (options.EmaDecay > 0) _average = new ParameterAverage(_flat, task.Model.Buffers(), options.EmaDecay);
        _rng = new Rng(options.Seed).Derive(task.RandomStream);
    }

    /// <summary>Called after every batch; may be null.</summary>
    public Action<TrainerProgress>? Progress { get; set; }

    /// <summary>Called after every epoch with its figures, and whether it is the best so far (or the last, without validation); the model
    /// then has that epoch's weights.</summary>
    public Action<EpochFigures, bool>? EpochDone { get; set; }

    /// <summary>Called after <see cref="EpochDone"/>, when the model is as training left it: the time for
    /// <see cref="SaveCheckpoint"/>.</summary>
    public Action? CheckpointDue { get; set; }

    /// <summary>Called after a step within an epoch, when <see cref="TrainerOptions.SaveSteps"/> or
    /// <see cref="TrainerOptions.SaveMinutes"/> say so, and before training ends because it was stopped: the time for
    /// <see cref="SaveCheckpoint"/>, from which training goes on in the middle of the epoch.</summary>
    public Action? SaveDue { get; set; }

    /// <summary>Batches done of the epoch that is in progress; 0 between two epochs.</summary>
    public int BatchesDone => _state?.Batches ?? 0;

    /// <summary>Optimizer steps done so far.</summary>
    public long StepsDone => _step;

    /// <summary>The epoch whose weights were kept, from 1.</summary>
    public int BestEpoch => _best?.Epoch ?? 0;

    /// <summary>The scores on the validation data of that epoch; null without validation.</summary>
    public TaskScores? BestScores => _best?.Scores;

    /// <summary>
    /// Whether as many epochs have gone by since the best one as <see cref="TrainerOptions.EarlyStopping"/> allows, the last of them
    /// evaluated too.
    /// </summary>
    public bool StopsEarly => _options.EarlyStopping is { } patience && _best?.Scores is not null
        && EpochsDone - BestEpoch >= patience && EpochsDone % _options.EvaluateEvery == 0;

    /// <summary>The learning rate at the top of the schedule for batches from <paramref name="train"/>.</summary>
    public double PeakLr(DataLoader train) => PeakLr(new PixelSource(train));

    /// <summary>The learning rate at the top of the schedule for batches from <paramref name="train"/>.</summary>
    public double PeakLr(BatchSource train) => _options.Optimizer.PeakLr(train.Options.BatchSize * _options.Accumulate);

    /// <summary>Trains; at the end the model has the weights of the best epoch on <paramref name="validation"/>, or of the last
    /// epoch.</summary>
    /// <param name="train">Shuffled training data.</param>
    /// <param name="validation">Data that chooses the best epoch; never the test data. None if null.</param>
    /// <param name="cancellation">Stops between two batches.</param>
    /// <exception cref="NonFiniteLossException">The loss became NaN or infinite; the weights of the last good epoch are
    /// restored.</exception>
    /// <exception cref="OperationCanceledException">It was stopped; likewise.</exception>
    public void Fit(DataLoader train, DataLoader? validation, CancellationToken cancellation = default) =>
        Fit(new PixelSource(train), validation is null ? null : new PixelSource(validation), cancellation);

    /// <summary>As <see cref="Fit(DataLoader, DataLoader?, CancellationToken)"/>, from any sources.</summary>
    /// <param name="train">Shuffled training data.</param>
    /// <param name="validation">Data that chooses the best epoch; never the test data. None if null.</param>
    /// <param name="cancellation">Stops after the step that is in progress; of several processes, all stop when one is asked to.</param>
    /// <exception cref="NonFiniteLossException">The loss became NaN or infinite; the weights of the last good epoch are
    /// restored.</exception>
    /// <exception cref="OperationCanceledException">It was stopped; likewise.</exception>
    /// <exception cref="ExchangeException">Another process does not answer.</exception>
    public void Fit(BatchSource train, BatchSource? validation, CancellationToken cancellation = default)
    {
        RequireShares(train);
        if (validation is not null) RequireShares(validation);
        _clock.Restart();
        _saved = TimeSpan.Zero;
        int batches = train.BatchesPerEpoch;
        if (DropsRest && batches < _options.Accumulate)
        {
            throw new ArgumentException(
                $"accumulate_rest drop: an epoch has {batches} batches, fewer than accumulate {_options.Accumulate}, so no step would "
                + "be taken.");
        }

        int steps = DropsRest ? batches : (batches + _options.Accumulate - 1) / _options.Accumulate;
        ScheduledRun run = new(PeakLr(train), _options.Epochs, steps);
        bool swapped = false;
        _epochsBefore = EpochsDone;
        try
        {
            for (int epoch = EpochsDone + 1; epoch <= _options.Epochs && !StopsEarly; epoch++)
            {
                TimeSpan start = _clock.Elapsed;
                void Progressed(double loss, int done) => Report("validate", epoch, done, validation!, loss, start);
                EpochFigures figures = TrainEpoch(train, epoch, run, cancellation);
                _average?.Swap();
                swapped = true;
                TaskScores? scores = null;
                bool evaluate = validation is not null && (epoch % _options.EvaluateEvery == 0 || epoch == _options.Epochs);
                _ranks.Place = $"the evaluation after epoch {epoch}";
                try
                {
                    if (evaluate) scores = _task.Score(validation!, _ranks, Progressed, cancellation);
                }
                catch (OperationCanceledException)
                {
                    _average?.Swap();
                    swapped = false;
                    SaveDue?.Invoke();
                    throw;
                }

                bool best = validation is null || (scores is not null && (BestScores is null || _task.Better(scores, BestScores)));
                if (best && (_task.KeepsEpochs || validation is not null)) _best = Snapshot.Of(_task.Model, epoch, scores);
                EpochDone?.Invoke(figures with { Validation = scores, Seconds = (_clock.Elapsed - start).TotalSeconds }, best);
                _average?.Swap();
                swapped = false;
                (EpochsDone, _state, _saved) = (epoch, null, _clock.Elapsed);
                CheckpointDue?.Invoke();
            }
        }
        finally
        {
            if (swapped) _average?.Swap();
            _state = null;
            _best?.Restore();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _sum.Dispose();
        _flat.Dispose();
        _optimizer.Dispose();
        _average?.Dispose();
    }

    private bool DropsRest => _options.AccumulateRest == AccumulateRest.Drop;

    private void RequireShares(BatchSource source)
    {
        if ((source.Options.Rank, source.Options.WorldSize) != (_ranks.Rank, _ranks.Size))
            throw new ArgumentException(
                $"Trainer: the source reads the part of rank {source.Options.Rank} of {source.Options.WorldSize}, and this is rank "
                + $"{_ranks.Rank} of {_ranks.Size}.");
    }

    private void Report(string phase, int epoch, int done, BatchSource loader, double loss, TimeSpan start, TimeSpan waited = default)
    {
        if (Progress is null) return;
        double seconds = (_clock.Elapsed - start).TotalSeconds;
        double share = phase == "train" ? (loader.WaitTime - waited).TotalSeconds / seconds : 0;
        double epochs = epoch - 1 - _epochsBefore + (phase == "train" ? (double)done / loader.BatchesPerEpoch : 1);
        double? left = epochs > 0.02 ? _clock.Elapsed.TotalSeconds * (((_options.Epochs - _epochsBefore) / epochs) - 1) : null;
        Progress(new TrainerProgress(phase, epoch, _options.Epochs, done, loader.BatchesPerEpoch, loss,
            Math.Min((done - (phase == "train" ? _doneBefore : 0)) * loader.Options.BatchSize, loader.SamplesPerEpoch) / seconds,
            Math.Clamp(share, 0, 1), left)
        { Slowest = SlowestRank.Of(_times) });
    }

    /// <summary>What training changes, as it was after an epoch.</summary>
    private sealed class Snapshot
    {
        private readonly List<(Parameter Parameter, float[] Values)> _values = [];

        public required int Epoch { get; init; }

        public required TaskScores? Scores { get; init; }

        public static Snapshot Of(Module model, int epoch, TaskScores? scores)
        {
            Snapshot snapshot = new() { Epoch = epoch, Scores = scores };
            foreach ((_, Parameter parameter) in model.TrainableParameters().Concat(model.Buffers()))
                snapshot._values.Add((parameter, parameter.ToArray()));
            return snapshot;
        }

        public static Snapshot From(Module model, int epoch, TaskScores? scores, Func<string, Parameter, float[]> read)
        {
            Snapshot snapshot = new() { Epoch = epoch, Scores = scores };
            foreach ((string name, Parameter parameter) in model.TrainableParameters().Concat(model.Buffers()))
                snapshot._values.Add((parameter, read(name, parameter)));
            return snapshot;
        }

        public IEnumerable<(Parameter Parameter, float[] Values)> Values => _values;

        public void Restore()
        {
            foreach ((Parameter parameter, float[] values) in _values) parameter.Assign(values);
        }
    }
}
