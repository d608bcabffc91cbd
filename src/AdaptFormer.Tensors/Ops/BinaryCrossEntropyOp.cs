using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Tensors.Ops;

/// <summary>Binary cross-entropy of p = σ(logits), one yes or no for each class: −t·log p − (1 − t)·log(1 − p).</summary>
public static class BinaryCrossEntropyOp
{
    extension(Tensor logits)
    {
        /// <summary>The loss of a batch of multi-label targets; exact for saturated logits too.</summary>
        /// <param name="targets">[B, K], f32, each in [0, 1]; constants.</param>
        /// <param name="reduction">What to make of the elements' losses; a mean divides by B·K.</param>
        /// <returns>A scalar, or [B, K] without reduction.</returns>
        /// <remarks>logits is [B, K], f32.</remarks>
        /// <exception cref="ArgumentException">The shapes differ.</exception>
        public Tensor BinaryCrossEntropy(Tensor targets, LossReduction reduction = LossReduction.Mean)
        {
            Losses.CheckTargets("BinaryCrossEntropy", logits, targets);
            Tensor values = logits.NewEmpty(logits.Shape), gradient = logits.NewEmpty(logits.Shape);
            new BinaryCrossEntropyCall(logits, targets, values, gradient).Run();
            return Losses.Reduce(logits, values, gradient, reduction, logits.Length);
        }
    }
}
