
namespace AdaptFormer.Training;

/// <summary>Mixed training batches: the <c>mix</c> section of a recipe.</summary>
/// <param name="Mixup">α of mixup, arXiv:1710.09412: λ ~ Beta(α, α); 0 for none.</param>
/// <param name="Cutmix">α of CutMix, arXiv:1905.04899; 0 for none.</param>
/// <param name="Probability">Probability that a batch is mixed, in [0, 1].</param>
/// <param name="SwitchProbability">Probability of CutMix where both are asked for, in [0, 1].</param>
public sealed record MixOptions(double Mixup = 0, double Cutmix = 0, double Probability = 1, double SwitchProbability = 0.5)
{
    /// <summary>Whether anything is mixed.</summary>
    public bool IsOn => (Mixup > 0 || Cutmix > 0) && Probability > 0;

    /// <summary>Notes every setting that is out of range.</summary>
    public void Check(RecipeCheck check)
    {
        check.Require(Mixup is >= 0 and <= 100, "mixup", Mixup, "a number in [0, 100]");
        check.Require(Cutmix is >= 0 and <= 100, "cutmix", Cutmix, "a number in [0, 100]");
        check.Require(Probability is >= 0 and <= 1, "probability", Probability, "a number in [0, 1]");
        check.Require(SwitchProbability is >= 0 and <= 1, "switch_probability", SwitchProbability, "a number in [0, 1]");
    }
}
