using System.Diagnostics;
using AdaptFormer.Models.Layers;
using AdaptFormer.Peft;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends.Cpu;
using AdaptFormer.Tensors.Memory;

namespace AdaptFormer.Experiments.Benchmarking;

/// <summary>
/// Times training steps and predictions of several methods on one backbone, as AdaptFormer's Tables 11 and 12 do. The methods take turns,
/// each round beginning with another, so that
/// a machine that grows slower meets all of them alike; and each is held against its reference round by round. All models are in memory
/// at once.
/// </summary>
public sealed class LatencyBenchmark
{
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(0.3);
    private readonly LatencyOptions _options;
    private readonly ModelReport[] _reports;

    /// <summary>Counts what will be measured; nothing is computed yet.</summary>
    /// <param name="options">What to measure.</param>
    /// <exception cref="ArgumentException">An option of a method is out of range for the backbone, or there is nothing to
    /// measure.</exception>
    public LatencyBenchmark(LatencyOptions options)
    {
        int[] batches = [.. options.TrainBatch is { } train ? [train] : Array.Empty<int>(), .. options.PredictBatches];
        if (options.Methods.Count == 0 || batches.Length == 0)
            throw new ArgumentException("LatencyBenchmark: there is nothing to measure; name a method, and training or prediction.");
        if (batches.Any(batch => batch < 1) || options.Trials < 1)
            throw new ArgumentException("LatencyBenchmark: batches and trials must be at least 1.");
        _options = options;
        _reports = [.. options.Methods.Select(method => ModelReport.Of(options.Sizes, Trained(method.Tuning), options.Classes,
            options.TrainBatch ?? 2))];
    }

    /// <summary>The least time that all trials can take at <paramref name="flopsPerSecond"/>, were there nothing but matrix
    /// products.</summary>
    public TimeSpan Shortest(double flopsPerSecond)
    {
        double macs = _reports.Sum(report => ((_options.TrainBatch ?? 0) * (double)report.Train.Macs)
            + (_options.PredictBatches.Sum() * (double)report.Predict.Macs));
        return TimeSpan.FromSeconds(2 * macs * _options.Trials / flopsPerSecond);
    }

    /// <summary>Carries out the measurement.</summary>
    /// <param name="progress">Called after each timed call with the number done and of all; may be null.</param>
    /// <param name="cancellation">Ends it between two calls.</param>
    /// <exception cref="IOException">The folder for temporary files has no room for random weights.</exception>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public LatencyResult Run(Action<int, int>? progress = null, CancellationToken cancellation = default)
    {
        long start = Stopwatch.GetTimestamp();
        int calls = (_options.TrainBatch is null ? 0 : 1) + _options.PredictBatches.Count, all = calls * _options.Methods.Count
            * _options.Trials, done = 0;
        List<ModelBenchmark> models = [];
        try
        {
            using (RandomWeights weights = RandomWeights.For(_options.Sizes))
            {
                int largest = Math.Max(_options.TrainBatch ?? 1, _options.PredictBatches.DefaultIfEmpty(1).Max());
                foreach (NamedTuning method in _options.Methods)
                    models.Add(new ModelBenchmark(weights.Open(_options.Sizes), Trained(method.Tuning), largest, _options.Classes));
                if (OperatingSystem.IsWindows()) return Measure(weights);       // an open file stays there
            }

            return Measure(null);
        }
        finally
        {
            foreach (ModelBenchmark model in models) model.Dispose();
            BufferPool.Trim();
        }

        LatencyResult Measure(RandomWeights? _)
        {
            Latency[]? train = _options.TrainBatch is { } step
                ? Compare(step, model => model.TrainStep(step), Index(typeof(FullTuning))) : null;
            foreach (ModelBenchmark model in models) model.Freeze();
            Latency[][] predict = [.. _options.PredictBatches.Select(batch => Compare(batch, model => model.Predict(batch),
                Index(typeof(LinearProbe)) ?? Index(typeof(FullTuning))))];
            return new LatencyResult(
                _options.Sizes.Id, _options.Sizes.InputShape.Dims.ToArray(), _options.Classes,
                _options.Sizes.Compute.ToString().ToLowerInvariant(), Backend.Current.Name, CpuParallel.Threads,
                _options.Trials, Stopwatch.GetElapsedTime(start).TotalSeconds,
                [.. _options.Methods.Select((method, i) => Row(method, _reports[i], train?[i], [.. predict.Select(p => p[i])]))]);
        }

        Latency[] Compare(int batch, Action<ModelBenchmark> call, int? reference)
        {
            foreach (ModelBenchmark model in models)
            {
                long begin = Stopwatch.GetTimestamp();
                for (int i = 0; i < _options.Trials && (i == 0 || Stopwatch.GetElapsedTime(begin) < WarmUp); i++) call(model);
                cancellation.ThrowIfCancellationRequested();
            }

            double[][] ms = [.. models.Select(_ => new double[_options.Trials])];
            for (int trial = 0; trial < _options.Trials; trial++)
            {
                for (int turn = 0; turn < models.Count; turn++)
                {
                    int i = (trial + turn) % models.Count;
                    long begin = Stopwatch.GetTimestamp();
                    call(models[i]);
                    ms[i][trial] = Stopwatch.GetElapsedTime(begin).TotalMilliseconds;
                    progress?.Invoke(++done, all);
                    cancellation.ThrowIfCancellationRequested();
                }
            }

            return [.. ms.Select(times => new Latency(
                batch, Quantile(times, 0.5), Quantile(times, 0.25), Quantile(times, 0.75), reference is { } r
                    ? Quantile([.. times.Zip(ms[r], (own, other) => own / other)], 0.5) : null))];
        }
    }

    /// <summary>The number below which a share of <paramref name="values"/> lies, linear between neighbours.</summary>
    internal static double Quantile(IReadOnlyCollection<double> values, double share)
    {
        double[] sorted = [.. values.Order()];
        double at = share * (sorted.Length - 1);
        int below = (int)at, above = Math.Min(sorted.Length - 1, below + 1);
        return sorted[below] + ((at - below) * (sorted[above] - sorted[below]));
    }

    private static MethodLatency Row(NamedTuning method, ModelReport report, Latency? train, IReadOnlyList<Latency> predict) => new(
        method.Name, report.Formula, report.Total, report.Trainable, report.Macs, report.FvcoreMacs, train, predict,
        method.Tuning is not (LinearProbe or FullTuning) && method.Tuning.NothingToMerge is null);

    private int? Index(Type method) => _options.Methods.Select((named, i) => (named, i))
        .Where(entry => entry.named.Tuning.GetType() == method).Select(entry => (int?)entry.i).FirstOrDefault();

    // One picture has no variance that BatchNorm could learn from.
    private Tuning Trained(Tuning tuning) => _options.TrainBatch == 1 ? tuning with { Head = HeadKind.Plain } : tuning;
}
