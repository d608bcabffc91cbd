using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Tensors.Ops;

/// <summary>Settings of the asymmetric loss; the defaults are its authors'.</summary>
/// <param name="GammaNegative">γ₋, how fast easy negatives lose weight, at least 0.</param>
/// <param name="GammaPositive">γ₊, the same for positives, at least 0.</param>
/// <param name="Clip">m in [0, 1): negatives with p below it count for nothing.</param>
/// <param name="Eps">Floor of the logarithms' arguments, in (0, 1).</param>
/// <param name="FocalGradient">Whether the weight w is differentiated too; a constant in the backward pass otherwise.</param>
public sealed record AsymmetricLossSettings(
    float GammaNegative = 4, float GammaPositive = 1, float Clip = 0.05f, float Eps = 1e-8f, bool FocalGradient = false)
{
    internal void Check()
    {
        if (GammaNegative is not >= 0 || GammaPositive is not >= 0) throw new ArgumentOutOfRangeException(nameof(GammaNegative), $"AsymmetricLoss: both gammas must be at least 0, got {GammaNegative} and {GammaPositive}.");
        if (Clip is not (>= 0 and < 1)) throw new ArgumentOutOfRangeException(nameof(Clip), $"AsymmetricLoss: clip is {Clip}, expected a number in [0, 1).");
        if (Eps is not (> 0 and < 1)) throw new ArgumentOutOfRangeException(nameof(Eps), $"AsymmetricLoss: eps is {Eps}, expected a number in (0, 1).");
    }
}

/// <summary>
/// The asymmetric loss for many labels: with p = σ(logit) and q = min(1, 1 − p + m), an element's loss is
/// −w·(t·log p + (1 − t)·log q), where w = (1 − p)^γ₊ for positives and (1 − q)^γ₋ for negatives.
/// </summary>
/// <remarks>ASL, arXiv:2009.14119.</remarks>
public static class AsymmetricLossOp
{
    extension(Tensor logits)
    {
        /// <summary>The loss of a batch of multi-label targets.</summary>
        /// <param name="targets">[B, K], f32, each 0 or 1; constants.</param>
        /// <param name="settings">γ₋, γ₊, m and the rest; the authors' if null.</param>
        /// <param name="reduction">What to make of the elements' losses; the authors sum over classes and batch.</param>
        /// <returns>A scalar, or [B, K] without reduction.</returns>
        /// <remarks>logits is [B, K], f32.</remarks>
        /// <exception cref="ArgumentException">The shapes differ, or a setting is out of range.</exception>
        public Tensor AsymmetricLoss(Tensor targets, AsymmetricLossSettings? settings = null, LossReduction reduction = LossReduction.Sum)
        {
            Losses.CheckTargets("AsymmetricLoss", logits, targets);
            AsymmetricLossSettings chosen = settings ?? new AsymmetricLossSettings();
            chosen.Check();
            Tensor values = Tensor.Empty(logits.Shape), gradient = Tensor.Empty(logits.Shape);
            Backend.Current.AsymmetricLoss(logits, targets, chosen, values, gradient);
            return Losses.Reduce(logits, values, gradient, reduction, logits.Length);
        }
    }
}
