using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Tensors.Ops;

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
            Tensor values = logits.NewEmpty(logits.Shape), gradient = logits.NewEmpty(logits.Shape);
            new AsymmetricLossCall(logits, targets, chosen, values, gradient).Run();
            return Losses.Reduce(logits, values, gradient, reduction, logits.Length);
        }
    }
}
