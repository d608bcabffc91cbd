using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Tensors.Ops;

/// <summary>
/// The asymmetric loss for one label a sample: with p = softmax(logits), a sample's loss is −Σₖ sₖ·wₖ·log pₖ, where s is the
/// label smoothed over all classes, w = (1 − p)^γ₊ for the label's class and p^γ₋ for the others. The weights are differentiated
/// too.
/// </summary>
/// <remarks>ASL, arXiv:2009.14119, the form that its authors' code gives for a single label.</remarks>
public static class AsymmetricSingleLabelLossOp
{
    private const string Op = "AsymmetricSingleLabelLoss";

    extension(Tensor logits)
    {
        /// <summary>The loss of a batch of class labels.</summary>
        /// <param name="labels">One class in [0, K) for each row.</param>
        /// <param name="gammaPositive">γ₊, at least 0.</param>
        /// <param name="gammaNegative">γ₋, at least 0.</param>
        /// <param name="labelSmoothing">ε in [0, 1).</param>
        /// <param name="reduction">What to make of the samples' losses.</param>
        /// <returns>A scalar, or [B] without reduction.</returns>
        /// <remarks>logits is [B, K], f32.</remarks>
        /// <exception cref="ArgumentException">The counts differ, or a label or setting is out of range.</exception>
        public Tensor AsymmetricSingleLabelLoss(
            ReadOnlySpan<int> labels, float gammaPositive = 0, float gammaNegative = 4, float labelSmoothing = 0.1f,
            LossReduction reduction = LossReduction.Mean)
        {
            (int b, _) = Losses.CheckLabels(Op, logits, labels);
            Losses.CheckSmoothing(Op, labelSmoothing);
            if (gammaPositive is not >= 0 || gammaNegative is not >= 0)
                throw new ArgumentOutOfRangeException(
                    nameof(gammaPositive), $"{Op}: both gammas must be at least 0, got {gammaPositive} and {gammaNegative}.");
            Tensor values = logits.NewEmpty(new Shape(b)), gradient = logits.NewEmpty(logits.Shape);
            new AsymmetricSingleLabelLossCall(logits, labels.ToArray(), gammaPositive, gammaNegative, labelSmoothing, values,
                gradient).Run();
            return Losses.Reduce(logits, values, gradient, reduction, b);
        }
    }
}
