using System.Text.Json.Serialization;

namespace AdaptFormer.Training;

/// <summary>What training makes smaller.</summary>
[JsonConverter(typeof(SnakeCaseEnum<LossName>))]
public enum LossName
{
    /// <summary>Cross-entropy where a picture has one class, the asymmetric loss where it may have several.</summary>
    Auto,

    /// <summary>Softmax cross-entropy, mean over the batch; one class a picture.</summary>
    CrossEntropy,

    /// <summary>Binary cross-entropy of every class, mean over batch and classes.</summary>
    Bce,

    /// <summary>ASL, arXiv:2009.14119, summed over batch and classes as its authors do; with one class a picture, their single-label
    /// form.</summary>
    Asymmetric,
}

/// <summary>The <c>loss</c> section of a recipe.</summary>
/// <param name="Name">Which loss.</param>
/// <param name="LabelSmoothing">Share of each target spread evenly over all classes, in [0, 1); for one class a picture.</param>
/// <param name="ClassWeights">[K], weight of each class in the cross-entropy, at least 0; null weighs all alike.</param>
/// <param name="BalanceClasses">Whether classes weigh N/(K·n), n their training pictures, so that all together count alike; for the
/// cross-entropy.</param>
/// <param name="GammaNegative">Focusing exponent of absent classes in the asymmetric loss, at least 0.</param>
/// <param name="GammaPositive">Focusing exponent of present classes in the asymmetric loss, at least 0.</param>
/// <param name="Clip">Probability below which an absent class no longer counts in the asymmetric loss, in [0, 1).</param>
public sealed record LossOptions(
    LossName Name = LossName.Auto, float LabelSmoothing = 0, float[]? ClassWeights = null, bool BalanceClasses = false,
    float GammaNegative = 4, float GammaPositive = 1, float Clip = 0.05f)
{
    /// <summary>Notes every setting that is out of range.</summary>
    public void Check(RecipeCheck check)
    {
        check.Require(LabelSmoothing is >= 0 and < 1, "label_smoothing", LabelSmoothing, "a number in [0, 1)");
        check.Require(ClassWeights is null || (ClassWeights.Length > 0 && ClassWeights.All(w => w >= 0 && float.IsFinite(w))
            && ClassWeights.Any(w => w > 0)), "class_weights", ClassWeights, "null, or numbers of at least 0, one for each class");
        check.Require(ClassWeights is null || !BalanceClasses, "balance_classes", BalanceClasses, "false where class_weights are given");
        check.Require((ClassWeights is null && !BalanceClasses) || Name is LossName.Auto or LossName.CrossEntropy, "name", Name,
            "cross_entropy where classes are weighted");
        check.Require(GammaNegative is >= 0 and < 100, "gamma_negative", GammaNegative, "a number in [0, 100)");
        check.Require(GammaPositive is >= 0 and < 100, "gamma_positive", GammaPositive, "a number in [0, 100)");
        check.Require(Clip is >= 0 and < 1, "clip", Clip, "a number in [0, 1)");
    }
}
