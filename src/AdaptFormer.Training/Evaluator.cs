using AdaptFormer.Data.Loading;
using AdaptFormer.Data;
using AdaptFormer.Distributed;
using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Tensors;
using AdaptFormer.Training.Metrics;

namespace AdaptFormer.Training;

/// <summary>Scores of a model on a data set.</summary>
/// <param name="Images">Pictures scored, those that could not be read included: they count as wrong.</param>
/// <param name="Loss">Mean cross-entropy over the readable ones; mean binary cross-entropy of a class where a picture may have
/// several.</param>
/// <param name="Top1">Percent whose highest logit is the label's, or that of one of its labels.</param>
/// <param name="Top5">Percent with the label, or one of its labels, among the five highest.</param>
/// <param name="MeanAp">Mean average precision in percent, in the definition of ASL; null where a picture has one class.</param>
/// <param name="MeanApSklearn">The same in scikit-learn's definition, over the classes that occur.</param>
public readonly record struct Scores(int Images, double Loss, double Top1, double Top5, double? MeanAp = null, double? MeanApSklearn = null)
{
    /// <summary>What the best epoch is chosen by: <see cref="MeanAp"/> where there is one, else <see cref="Top1"/>.</summary>
    public double Main => MeanAp ?? Top1;
}

/// <summary>The answer to one picture.</summary>
/// <param name="Label">Its class, or of several that with the largest logit; -1 when it could not be read, or has none.</param>
/// <param name="Predicted">The class with the largest logit.</param>
/// <param name="Confidence">Its probability, in [0, 1], by softmax; by sigmoid where a picture may have several classes.</param>
/// <param name="Right">Whether the answer counts as right: a tie with a lower class does not.</param>
public readonly record struct Answer(int Label, int Predicted, float Confidence, bool Right);

/// <summary>Counts right answers batch by batch.</summary>
public sealed class Evaluator
{
    private int _images, _readable, _top1, _top5;
    private double _loss;
    private readonly List<Answer> _answers = [];
    private (int Images, int Right)[] _classes = [];
    private RocAuc? _areas;

    /// <summary>The scores so far, average precision left out, which takes a sort; zeros before the first batch.</summary>
    public Scores Scores => new(_images, _readable == 0 ? 0 : _loss / _readable, Percent(_top1), Percent(_top5));

    /// <summary>All the scores.</summary>
    public Scores Result => MultiLabel is { } many
        ? Scores with { MeanAp = many.MeanPercent(ApDefinition.Asl), MeanApSklearn = many.MeanPercent(ApDefinition.ScikitLearn) } : Scores;

    /// <summary>What is known of each class where a picture may have several; null where it has one.</summary>
    public MultiLabelScores? MultiLabel { get; private set; }

    /// <summary>For each class, how many readable pictures of it were scored and how many of them were right; empty before the first
    /// batch.</summary>
    public IReadOnlyList<(int Images, int Right)> PerClass => _classes;

    /// <summary>
    /// Whether the scores of all classes are kept, for the areas under the ROC curves in <see cref="Metrics"/>: K numbers a picture. Where
    /// a picture may have several classes they always are.
    /// </summary>
    public bool KeepsScores { get; init; }

    /// <summary>Precision, recall, F1 and area under the ROC curve of each class; pictures that could not be read are left out.</summary>
    public IReadOnlyList<ClassMetrics> Metrics()
    {
        if (MultiLabel is { } many) return many.Metrics();
        int[] answered = new int[_classes.Length], both = new int[_classes.Length];
        foreach (Answer answer in _answers.Where(answer => answer.Label >= 0))
        {
            answered[answer.Predicted]++;
            if (answer.Predicted == answer.Label) both[answer.Label]++;
        }

        double?[] areas = _areas?.PerClass() ?? new double?[_classes.Length];
        return [.. _classes.Select((count, k) => ClassMetrics.Of(k, count.Images, answered[k], both[k], areas[k]))];
    }

    /// <summary>The answer to every picture, in the order in which they came.</summary>
    public IReadOnlyList<Answer> Answers => _answers;

    /// <summary>Scores all batches of <paramref name="loader"/> with the model as it predicts: no dropout, stored statistics.</summary>
    /// <param name="model">A model with a head.</param>
    /// <param name="loader">Unshuffled data whose last batch is kept.</param>
    /// <param name="progress">Called after each batch with the scores so far and the number of batches done; may be null.</param>
    /// <param name="cancellation">Ends the loop between two batches.</param>
    public static Scores Run(
        Backbone model, DataLoader loader, Action<Scores, int>? progress = null, CancellationToken cancellation = default) =>
        Run(model, new PixelSource(loader), progress, cancellation);

    /// <summary>As <see cref="Run(Backbone, DataLoader, Action{Scores, int}?, CancellationToken)"/>, from any source.</summary>
    /// <param name="model">A model with a head.</param>
    /// <param name="source">Unshuffled data whose last batch is kept.</param>
    /// <param name="progress">Called after each batch with the scores so far and the number of batches done; may be null.</param>
    /// <param name="cancellation">Ends the loop between two batches.</param>
    public static Scores Run(
        Backbone model, BatchSource source, Action<Scores, int>? progress = null, CancellationToken cancellation = default) =>
        Run(model, source, Collective.Single, progress, cancellation);

    /// <summary>As the others, of data that several processes share: all get all scores.</summary>
    /// <param name="model">A model with a head.</param>
    /// <param name="source">Unshuffled data whose last batch is kept.</param>
    /// <param name="ranks">The processes.</param>
    /// <param name="progress">Called after each batch with the scores so far and the number of batches done; may be null.</param>
    /// <param name="cancellation">Ends the loop after a round of batches, at all ranks.</param>
    public static Scores Run(
        Backbone model, BatchSource source, Collective ranks, Action<Scores, int>? progress, CancellationToken cancellation) =>
        Score(new Evaluator(), model, source, ranks, progress, cancellation).Result;

    /// <summary>As <see cref="Run(Backbone, DataLoader, Action{Scores, int}?, CancellationToken)"/>, with the counts of each class beside
    /// the scores.</summary>
    /// <param name="model">A model with a head.</param>
    /// <param name="loader">Unshuffled data whose last batch is kept.</param>
    /// <param name="progress">Called after each batch with the scores so far and the number of batches done; may be null.</param>
    /// <param name="cancellation">Ends the loop between two batches.</param>
    public static Evaluator Score(
        Backbone model, DataLoader loader, Action<Scores, int>? progress = null, CancellationToken cancellation = default) =>
        Score(model, new PixelSource(loader), progress, cancellation);

    /// <summary>As <see cref="Score(Backbone, DataLoader, Action{Scores, int}?, CancellationToken)"/>, from any source.</summary>
    /// <param name="model">A model with a head.</param>
    /// <param name="source">Unshuffled data whose last batch is kept.</param>
    /// <param name="progress">Called after each batch with the scores so far and the number of batches done; may be null.</param>
    /// <param name="cancellation">Ends the loop between two batches.</param>
    public static Evaluator Score(
        Backbone model, BatchSource source, Action<Scores, int>? progress = null, CancellationToken cancellation = default) =>
        Score(model, source, Collective.Single, progress, cancellation);

    /// <summary>As the others, of data that several processes share: all get all scores.</summary>
    /// <param name="model">A model with a head.</param>
    /// <param name="source">Unshuffled data whose last batch is kept.</param>
    /// <param name="ranks">The processes.</param>
    /// <param name="progress">Called after each batch with the scores so far and the number of batches done; may be null.</param>
    /// <param name="cancellation">Ends the loop after a round of batches, at all ranks.</param>
    public static Evaluator Score(
        Backbone model, BatchSource source, Collective ranks, Action<Scores, int>? progress, CancellationToken cancellation) =>
        Score(new Evaluator { KeepsScores = true }, model, source, ranks, progress, cancellation);

    private static Evaluator Score(
        Evaluator evaluator, Backbone model, BatchSource source, Collective ranks, Action<Scores, int>? progress,
        CancellationToken cancellation)
    {
        ViewMean? views = source.Views > 1 ? new ViewMean(source.Views) : null;
        int done = 0;
        if (ranks.Size > 1)
        {
            SharedPass.Run(source, ranks, (batch, _) =>
            {
                using TensorScope scope = new();
                return new BatchAnswer(source.Forward(model, batch.Input).ToArray(), batch.Labels.ToArray(), batch.Targets.ToArray())
                    .ToBytes();
            }, bytes =>
            {
                using TensorScope scope = new();
                BatchAnswer answer = BatchAnswer.Of(bytes);
                int count = answer.Labels.Length;
                Take(Tensor.From(answer.Logits, new Shape(count, answer.Logits.Length / count)), answer.Labels, answer.Targets);
            }, cancellation);
            return evaluator;
        }

        foreach (InputBatch batch in source.Epoch(0))
        {
            cancellation.ThrowIfCancellationRequested();
            using InputBatch _ = batch;
            using TensorScope scope = new();
            Take(source.Forward(model, batch.Input), batch.Labels, batch.Targets);
        }

        return evaluator;

        void Take(Tensor logits, ReadOnlySpan<int> labels, ReadOnlySpan<float> targets)
        {
            if (views is null) evaluator.Add(logits, labels, targets);
            else views.Add(logits, labels, targets, evaluator.Add);
            progress?.Invoke(evaluator.Scores, ++done);
        }
    }

    /// <summary>Counts one batch.</summary>
    /// <param name="logits">[B, K].</param>
    /// <param name="labels">[B]; <see cref="Batch.Unreadable"/> is wrong whatever the logits.</param>
    /// <param name="targets">[B, K], 0 or 1, where a picture may have several classes; else empty.</param>
    public void Add(Tensor logits, ReadOnlySpan<int> labels, ReadOnlySpan<float> targets = default) =>
        Add(logits.ToArray(), logits.Shape[1], labels, targets);

    /// <summary>As the other, of logits that are on the host.</summary>
    internal void Add(float[] rows, int classes, ReadOnlySpan<int> labels, ReadOnlySpan<float> targets)
    {
        if (!targets.IsEmpty)
        {
            AddMultiLabel(rows, labels, targets, classes);
            return;
        }

        if (_classes.Length == 0) _classes = new (int, int)[classes];
        int readable = 0;
        for (int i = 0; i < labels.Length; i++)
        {
            bool known = labels[i] != Batch.Unreadable;
            ReadOnlySpan<float> row = rows.AsSpan(i * classes, classes);
            int rank = known ? LabelRank.Of(row, labels[i]) : int.MaxValue, predicted = Best(row);
            _answers.Add(new Answer(known ? labels[i] : -1, predicted, Softmax(row, predicted), rank == 0));
            if (!known) continue;
            readable++;
            _loss += CrossEntropy(row, labels[i]);
            if (KeepsScores) (_areas ??= new RocAuc(classes)).Add(row, labels[i]);
            _classes[labels[i]].Images++;
            if (rank < 1)
            {
                _top1++;
                _classes[labels[i]].Right++;
            }

            if (rank < 5) _top5++;
        }

        _images += labels.Length;
        _readable += readable;
    }

    private void AddMultiLabel(float[] rows, ReadOnlySpan<int> labels, ReadOnlySpan<float> targets, int classes)
    {
        MultiLabel ??= new MultiLabelScores(classes);
        if (_classes.Length == 0) _classes = new (int, int)[classes];
        for (int i = 0; i < labels.Length; i++)
        {
            bool known = labels[i] != Batch.Unreadable;
            ReadOnlySpan<float> row = rows.AsSpan(i * classes, classes), held = targets.Slice(i * classes, classes);
            MultiLabel.Add(row, held, known);
            int best = int.MaxValue, label = -1, predicted = Best(row);
            for (int k = 0; known && k < classes; k++)
            {
                if (held[k] < 0.5f) continue;
                int rank = LabelRank.Of(row, k);
                if (rank < best) (best, label) = (rank, k);
                _classes[k].Images++;
                if (rank < 1) _classes[k].Right++;
            }

            _answers.Add(new Answer(label, predicted, (float)(1 / (1 + Math.Exp(-row[predicted]))), best == 0));
            if (!known) continue;
            _readable++;
            _loss += BinaryCrossEntropy(row, held);
            if (best < 1) _top1++;
            if (best < 5) _top5++;
        }

        _images += labels.Length;
    }

    private static double CrossEntropy(ReadOnlySpan<float> logits, int label)
    {
        double highest = double.NegativeInfinity, sum = 0;
        foreach (float logit in logits) highest = Math.Max(highest, logit);
        foreach (float logit in logits) sum += Math.Exp(logit - highest);
        return highest + Math.Log(sum) - logits[label];
    }

    private static double BinaryCrossEntropy(ReadOnlySpan<float> logits, ReadOnlySpan<float> targets)
    {
        double sum = 0;
        for (int k = 0; k < logits.Length; k++)
            sum += Math.Max(logits[k], 0) - ((double)logits[k] * targets[k]) + Math.Log(1 + Math.Exp(-Math.Abs(logits[k])));
        return sum / logits.Length;
    }

    private static int Best(ReadOnlySpan<float> logits)
    {
        int best = 0;
        for (int k = 1; k < logits.Length; k++)
        {
            if (logits[k] > logits[best]) best = k;
        }

        return best;
    }

    /// <summary>Probability of a class, from the largest logit.</summary>
    private static float Softmax(ReadOnlySpan<float> logits, int best)
    {
        double sum = 0;
        foreach (float logit in logits) sum += Math.Exp(logit - logits[best]);
        return (float)(1 / sum);
    }

    private double Percent(int count) => _images == 0 ? 0 : 100.0 * count / _images;
}
