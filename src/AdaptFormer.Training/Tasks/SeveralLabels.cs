using AdaptFormer.Models;

namespace AdaptFormer.Training.Tasks;

/// <summary>To tell the classes of a picture or clip that may have any number of them; chosen by the mean average precision.</summary>
/// <param name="model">A backbone with a classifier.</param>
/// <param name="loss">What is made smaller.</param>
public sealed class SeveralLabels(Backbone model, TrainingLoss loss) : LabelTask(model, loss)
{
    /// <inheritdoc/>
    public override bool Better(TaskScores scores, TaskScores others) => scores[MeanAp] > others[MeanAp];

    /// <inheritdoc/>
    protected override ReadOnlySpan<float> Truth(InputBatch batch) => batch.Targets;

    /// <inheritdoc/>
    protected override Dictionary<string, double> Figures(Scores scores)
    {
        Dictionary<string, double> figures = base.Figures(scores);
        if (scores.MeanAp is { } mean) figures.Add(MeanAp, mean);
        if (scores.MeanApSklearn is { } other) figures.Add(MeanApSklearn, other);
        return figures;
    }
}
