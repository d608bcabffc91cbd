using AdaptFormer.Training;

namespace AdaptFormer.Runs.Recipes;

/// <summary>Checkpoints within an epoch: the <c>save</c> section of a recipe. One at the end of every epoch is written anyway.</summary>
/// <param name="Steps">Optimizer steps from one to the next, at least 1; null for none by steps.</param>
/// <param name="Minutes">The most minutes from one to the next, above 0; null for none by time.</param>
/// <param name="Keep">How many are kept, the newest, at least 1; all go when the run ends well.</param>
public sealed record SaveOptions(int? Steps = null, double? Minutes = null, int Keep = 2)
{
    internal void Check(RecipeCheck check)
    {
        check.Require(Steps is null or >= 1, "steps", Steps, "null or a whole number of at least 1");
        check.Require(Minutes is null || (Minutes > 0 && double.IsFinite(Minutes.Value)), "minutes", Minutes, "null or a number above 0");
        check.Require(Keep >= 1, "keep", Keep, "a whole number of at least 1");
    }
}
