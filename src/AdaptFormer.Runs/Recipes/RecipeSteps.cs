using AdaptFormer.Models;
using AdaptFormer.Training;

namespace AdaptFormer.Runs.Recipes;

/// <summary>What recipes of fine-tuning and of pre-training say alike of their steps.</summary>
internal static class RecipeSteps
{
    /// <summary>Notes what is out of range.</summary>
    public static void Check(RecipeCheck check, int epochs, Precision precision, int batch, int accumulate, int workers)
    {
        check.Require(epochs >= 1, "epochs", epochs, "a whole number of at least 1");
        check.Require(precision != Precision.Int8, "precision", precision, "auto, float32 or bfloat16: int8 is for predictions");
        check.Require(batch >= 1, "batch", batch, "a whole number of at least 1");
        check.Require(accumulate >= 1, "accumulate", accumulate, "a whole number of at least 1");
        check.Require(batch < 1 || accumulate < 1 || (long)batch * accumulate <= int.MaxValue, "accumulate", accumulate,
            "batch × accumulate below 2³¹");
        check.Require(workers >= 0, "workers", workers, "a whole number of at least 0 (0: the program chooses)");
    }
}
