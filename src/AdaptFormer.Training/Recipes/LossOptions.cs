namespace AdaptFormer.Training.Recipes;

/// <summary>Softmax cross-entropy: the <c>loss</c> section of a recipe.</summary>
/// <param name="LabelSmoothing">Share of each target spread evenly over all classes, in [0, 1).</param>
public sealed record LossOptions(float LabelSmoothing = 0)
{
    internal void Check(RecipeCheck check) =>
        check.Require(LabelSmoothing is >= 0 and < 1, "label_smoothing", LabelSmoothing, "a number in [0, 1)");
}
