using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Tensors.Ops;

/// <summary>Cross-entropy of p = softmax(logits): a sample's loss is −Σₖ tₖ·log pₖ.</summary>
public static class SoftmaxCrossEntropyOp
{
    private const string Op = "SoftmaxCrossEntropy";

    /// <summary>A label that does not count: its sample has no loss and no gradient, and a mean leaves it out.</summary>
    public const int IgnoreIndex = -100;

    extension(Tensor logits)
    {
        /// <summary>The loss of a batch of class labels.</summary>
        /// <param name="labels">One class in [0, K) for each row, or <see cref="IgnoreIndex"/>.</param>
        /// <param name="labelSmoothing">ε in [0, 1): the target is (1 − ε) on the label plus ε/K on every class.</param>
        /// <param name="reduction">What to make of the samples' losses; the mean of none is 0.</param>
        /// <returns>A scalar, or [B] without reduction.</returns>
        /// <remarks>logits is [B, K], f32.</remarks>
        /// <exception cref="ArgumentException">The counts differ, or a label or ε is out of range.</exception>
        public Tensor SoftmaxCrossEntropy(ReadOnlySpan<int> labels, float labelSmoothing = 0, LossReduction reduction = LossReduction.Mean)
        {
            (int b, int k) = Losses.CheckLabels(Op, logits, labels, IgnoreIndex);
            Losses.CheckSmoothing(Op, labelSmoothing);
            float[] targets = new float[b * k];
            int counted = 0;
            for (int i = 0; i < b; i++)
            {
                if (labels[i] == IgnoreIndex) continue;
                counted++;
                Span<float> row = targets.AsSpan(i * k, k);
                row.Fill(labelSmoothing / k);
                row[labels[i]] += 1 - labelSmoothing;
            }

            return Loss(logits, logits.NewFrom(targets, logits.Shape), reduction, counted);
        }

        /// <summary>The loss of a batch of target distributions (mixup, distillation), which are constants.</summary>
        /// <param name="targets">[B, K], f32; rows of weights, usually summing to 1.</param>
        /// <param name="reduction">What to make of the samples' losses; a mean divides by B.</param>
        /// <returns>A scalar, or [B] without reduction.</returns>
        /// <exception cref="ArgumentException">The shapes differ.</exception>
        public Tensor SoftmaxCrossEntropy(Tensor targets, LossReduction reduction = LossReduction.Mean)
        {
            Losses.CheckTargets(Op, logits, targets);
            return Loss(logits, targets, reduction, logits.Shape[0]);
        }
    }

    private static Tensor Loss(Tensor logits, Tensor targets, LossReduction reduction, int counted)
    {
        Tensor values = logits.NewEmpty(new Shape(logits.Shape[0])), gradient = logits.NewEmpty(logits.Shape);
        new CrossEntropyCall(logits, targets, values, gradient).Run();
        return Losses.Reduce(logits, values, gradient, reduction, counted);
    }
}
