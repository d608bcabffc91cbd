using AdaptFormer.Models;

namespace AdaptFormer.Training.Tasks;

/// <summary>To tell the one class of a picture or clip; chosen by the share of right answers.</summary>
/// <param name="model">A backbone with a classifier.</param>
/// <param name="loss">What is made smaller.</param>
public sealed class Classification(Backbone model, TrainingLoss loss) : LabelTask(model, loss)
{
    /// <inheritdoc/>
    public override bool Better(TaskScores scores, TaskScores others) => scores[Top1] > others[Top1];

    // Mixed shares have no right answer but the first picture's.
    /// <inheritdoc/>
    protected override ReadOnlySpan<float> Truth(InputBatch batch) => default;
}
