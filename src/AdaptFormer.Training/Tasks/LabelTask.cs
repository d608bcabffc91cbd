using AdaptFormer.Distributed;
using AdaptFormer.Models;
using AdaptFormer.Tensors;

namespace AdaptFormer.Training.Tasks;

/// <summary>A task whose answer is a logit for each class, from the backbone's classifier.</summary>
/// <param name="model">A backbone with a classifier.</param>
/// <param name="loss">What is made smaller.</param>
public abstract class LabelTask(Backbone model, TrainingLoss loss) : TrainingTask
{
    /// <summary>Percent whose highest logit is the label's, or that of one of its labels.</summary>
    public const string Top1 = "top1";

    /// <summary>Percent with the label, or one of its labels, among the five highest.</summary>
    public const string Top5 = "top5";

    /// <summary>Mean average precision in percent, in the definition of ASL and in that of scikit-learn.</summary>
    public const string MeanAp = "mean_ap", MeanApSklearn = "mean_ap_sklearn";

    /// <inheritdoc/>
    public sealed override Backbone Backbone => model;

    /// <summary>The task of data whose items have one class each, or any number.</summary>
    /// <param name="model">A backbone with a classifier.</param>
    /// <param name="loss">What is made smaller; it knows which of both the data are.</param>
    public static LabelTask Of(Backbone model, TrainingLoss loss) =>
        loss.MultiLabel ? new SeveralLabels(model, loss) : new Classification(model, loss);

    /// <inheritdoc/>
    public sealed override Tensor Loss(BatchSource source, InputBatch batch, Tensor input, Rng rng, TrainingFigures figures)
    {
        Tensor logits = source.Forward(model, input);
        (Readback read, int classes) = (logits.StartRead(), logits.Shape[1]);
        figures.Later(() =>
        {
            Evaluator answers = new();
            answers.Add(read.Take(), classes, batch.Labels, Truth(batch));
            int right = answers.Answers.Count(answer => answer.Right);
            figures.Add(Top1, 100, right);
            figures.Add(Top1, 0, batch.Count - right);
        });
        return loss.Of(logits, batch.Labels, batch.Targets);
    }

    /// <inheritdoc/>
    public sealed override TaskScores Score(
        BatchSource source, Collective ranks, Action<double, int>? progress, CancellationToken cancellation)
    {
        Scores scores = Evaluator.Run(
            model, source, ranks, progress is null ? null : (so, done) => progress(so.Loss, done), cancellation);
        return new TaskScores(scores.Images, scores.Loss, Figures(scores));
    }

    /// <summary>What the answers to training pictures are compared with, [B, K]; empty where it is the label alone.</summary>
    protected abstract ReadOnlySpan<float> Truth(InputBatch batch);

    /// <summary>The figures of scores by name.</summary>
    protected virtual Dictionary<string, double> Figures(Scores scores) => new() { [Top1] = scores.Top1, [Top5] = scores.Top5 };
}
