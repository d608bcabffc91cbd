using AdaptFormer.Distributed;
using AdaptFormer.Models;
using AdaptFormer.Models.Layers;
using AdaptFormer.Tensors;
using AdaptFormer.Training.Loop;
using AdaptFormer.Training.Metrics;

namespace AdaptFormer.Training.Tasks;

/// <summary>
/// What is learned: the modules that train, their loss on a batch, what is counted beside it, how a data set is scored and which score is
/// better. The <see cref="Trainer"/> knows nothing else of what it trains.
/// </summary>
public abstract class TrainingTask
{
    private const long DropoutStream = 1;

    /// <summary>The backbone that is tuned.</summary>
    public abstract Backbone Backbone { get; }

    /// <summary>Everything that trains: the backbone with its classifier, unless a task has modules of its own around it.</summary>
    public virtual Module Model => Backbone;

    /// <summary>
    /// Whether the values of an epoch are kept in memory, to be restored if a later one fails or is worse; not where they are written
    /// to a file after every epoch anyway.
    /// </summary>
    public virtual bool KeepsEpochs => true;

    /// <summary>Names the random stream of the run's batches below its seed.</summary>
    internal virtual long RandomStream => DropoutStream;

    /// <summary>The loss of a batch.</summary>
    /// <param name="source">Where the batch is from, and what of the model it goes through.</param>
    /// <param name="batch">Its labels or targets.</param>
    /// <param name="input">Its input, on the tape.</param>
    /// <param name="rng">The batch's own randomness: the same for a seed, an epoch and a batch, however often a run was stopped.</param>
    /// <param name="figures">Receives what else is seen of the batch; ends up in <see cref="EpochFigures.Trained"/>.</param>
    /// <returns>A scalar.</returns>
    public abstract Tensor Loss(BatchSource source, InputBatch batch, Tensor input, Rng rng, TrainingFigures figures);

    /// <summary>Scores a data set with the model as it answers: no dropout, stored statistics.</summary>
    /// <param name="source">Unshuffled data whose last batch is kept.</param>
    /// <param name="ranks">The processes that share the data: all of them must come to the same scores; see
    /// <see cref="SharedPass"/>.</param>
    /// <param name="progress">Called after each batch with the mean loss so far and the number of batches done; may be null.</param>
    /// <param name="cancellation">Ends the loop between two batches.</param>
    public abstract TaskScores Score(
        BatchSource source, Collective ranks, Action<double, int>? progress, CancellationToken cancellation);

    /// <summary>Whether <paramref name="scores"/> are better than <paramref name="others"/>: what the kept epoch is chosen by.</summary>
    public abstract bool Better(TaskScores scores, TaskScores others);

    /// <summary>The randomness of the modules on the tape of a batch: dropout and the like.</summary>
    internal virtual Rng TapeStream(Rng batch) => batch;

    /// <summary>The error of a loss that is NaN or infinite.</summary>
    internal virtual Exception NonFinite(BatchSource source, Tensor input, Rng rng, NonFiniteLoss loss) =>
        NonFiniteLossException.Of(Backbone, source, input, rng, loss);
}

/// <summary>Means over the pictures of an epoch by name, of what a task sees of its training batches beside the loss.</summary>
public sealed class TrainingFigures
{
    private readonly Dictionary<string, RunningMean> _means = [];

    private Action? _later;

    /// <summary>Everything that was added, in order.</summary>
    internal List<(string Name, double Value, int Count)> Added { get; } = [];

    /// <summary>Adds a number that stands for some pictures.</summary>
    /// <param name="name">What it is, for example <c>top1</c>.</param>
    /// <param name="value">The number.</param>
    /// <param name="count">Number of pictures.</param>
    public void Add(string name, double value, int count)
    {
        Added.Add((name, value, count));
        if (!_means.TryGetValue(name, out RunningMean? mean)) _means.Add(name, mean = new RunningMean());
        mean.Add(value, count);
    }

    /// <summary>
    /// Lets <paramref name="add"/> be called when the batch's backward pass is under way, so that a device need not be waited for.
    /// </summary>
    public void Later(Action add) => _later += add;

    /// <summary>Calls what was put off.</summary>
    internal void Complete()
    {
        _later?.Invoke();
        _later = null;
    }

    /// <summary>The means so far, by name.</summary>
    public IReadOnlyDictionary<string, double> Means() => _means.ToDictionary(pair => pair.Key, pair => pair.Value.Value);

    /// <summary>The mean so far; null where nothing was added under that name.</summary>
    public double? this[string name] => _means.TryGetValue(name, out RunningMean? mean) ? mean.Value : null;
}
