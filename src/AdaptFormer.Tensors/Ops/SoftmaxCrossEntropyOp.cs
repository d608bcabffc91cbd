using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Tensors.Ops;

/// <summary>Cross-entropy of softmax(logits): L = mean over the batch of −Σₖ tₖ·log pₖ.</summary>
public static class SoftmaxCrossEntropyOp
{
    /// <summary>A label that does not count: its sample has no loss and no gradient.</summary>
    public const int IgnoreIndex = -100;

    extension(Tensor logits)
    {
        /// <summary>The mean loss over a batch of class labels.</summary>
        /// <param name="labels">One class in [0, K) for each row, or <see cref="IgnoreIndex"/>.</param>
        /// <param name="labelSmoothing">ε in [0, 1): the target is (1 − ε) on the label plus ε/K on every class.</param>
        /// <returns>A scalar.</returns>
        /// <remarks>logits is [B, K], f32.</remarks>
        /// <exception cref="ArgumentException">The counts differ or a label is out of range.</exception>
        public Tensor SoftmaxCrossEntropy(ReadOnlySpan<int> labels, float labelSmoothing = 0)
        {
            (int b, int k) = Check(logits, labels.Length);
            Tensor targets = Tensor.Zeros(b, k);
            int counted = 0;
            for (int i = 0; i < b; i++)
            {
                if (labels[i] == IgnoreIndex) continue;
                if ((uint)labels[i] >= (uint)k) throw new ArgumentException($"SoftmaxCrossEntropy: label {labels[i]} of sample {i} is not in [0, {k}).");
                counted++;
                Span<float> row = targets.Span.Slice(i * k, k);
                row.Fill(labelSmoothing / k);
                row[labels[i]] += 1 - labelSmoothing;
            }

            return Mean(logits, targets, counted);
        }

        /// <summary>The mean loss over a batch of target distributions (mixup, distillation).</summary>
        /// <param name="targets">[B, K], f32; rows of weights, usually summing to 1.</param>
        /// <returns>A scalar.</returns>
        /// <exception cref="ArgumentException">The shapes differ.</exception>
        public Tensor SoftmaxCrossEntropy(Tensor targets)
        {
            if (logits.Shape != targets.Shape) Throw.Shape("SoftmaxCrossEntropy", "logits and targets must have one shape [B, K]", ("logits", logits), ("targets", targets));
            return Mean(logits, targets, logits.Shape[0]);
        }
    }

    private static Tensor Mean(Tensor logits, Tensor targets, int counted)
    {
        (int b, int k) = (logits.Shape[0], logits.Shape[1]);
        Tensor p = Tensor.Empty(logits.Shape), losses = Tensor.Empty(new Shape(b));
        Backend.Current.CrossEntropy(logits, targets, p, losses);
        double sum = 0;
        foreach (float loss in losses.Span) sum += loss;
        Tensor y = Tensor.Full(new Shape(), (float)(sum / counted));
        return y.Record([logits], keep: [p, targets], dy =>
        {
            // d logits = (p·Σt − t)·dy/B; Σt is 1 for a counted sample and 0 for an ignored one.
            float share = dy.Item() / counted;
            Tensor dx = Tensor.Empty(logits.Shape);
            for (int i = 0; i < b; i++)
            {
                ReadOnlySpan<float> t = targets.Span.Slice(i * k, k), q = p.Span.Slice(i * k, k);
                Span<float> d = dx.Span.Slice(i * k, k);
                double mass = 0;
                foreach (float weight in t) mass += weight;
                for (int j = 0; j < k; j++) d[j] = (float)((mass * q[j]) - t[j]) * share;
            }

            logits.AddGrad(dx);
        });
    }

    private static (int B, int K) Check(Tensor logits, int labels)
    {
        if (logits.Shape.Rank != 2 || logits.Type != DataType.Float32) throw new ArgumentException($"SoftmaxCrossEntropy: logits must be f32 [B, K], got {logits}.");
        if (labels != logits.Shape[0]) throw new ArgumentException($"SoftmaxCrossEntropy: {logits.Shape[0]} rows of logits but {labels} labels.");
        return (logits.Shape[0], logits.Shape[1]);
    }
}
