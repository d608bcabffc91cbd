using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Tensors.Ops;

/// <summary>What a loss makes of its samples' values.</summary>
public enum LossReduction
{
    /// <summary>Their mean, a scalar; samples that are ignored do not count.</summary>
    Mean,

    /// <summary>Their sum, a scalar.</summary>
    Sum,

    /// <summary>The values themselves.</summary>
    None,
}

/// <summary>The common end of all losses.</summary>
internal static class Losses
{
    /// <summary>Reduces the values of a loss and records the way back.</summary>
    /// <param name="logits">[B, K].</param>
    /// <param name="values">[B], one for each row, or [B, K].</param>
    /// <param name="gradient">Each value's gradient by its logits, [B, K]: all that the backward pass keeps.</param>
    /// <param name="reduction">What to make of the values.</param>
    /// <param name="count">What a mean divides by; the mean of no samples is 0.</param>
    public static Tensor Reduce(Tensor logits, Tensor values, Tensor gradient, LossReduction reduction, long count)
    {
        if (reduction == LossReduction.None)
        {
            return values.Record([logits], keep: [gradient], dy =>
            {
                Tensor dx = logits.NewEmpty(logits.Shape);
                if (dy.Length == logits.Length) new MultiplyCall(gradient, dy, dx).Run();
                else new ScaleSlicesCall(gradient, dy, dx).Run();
                logits.AddGrad(dx);
            });
        }

        float share = reduction == LossReduction.Sum ? 1 : count == 0 ? 0 : 1f / count;
        Tensor loss = logits.NewEmpty(new Shape());
        new SumCall(values, share, loss).Run();
        return loss.Record([logits], keep: [gradient], dy =>
        {
            Tensor dx = logits.NewEmpty(logits.Shape);
            new ScaleByCall(gradient, dy, share, dx).Run();
            logits.AddGrad(dx);
        });
    }

    /// <summary>Checks the logits of any loss.</summary>
    public static (int B, int K) CheckLogits(string op, Tensor logits)
    {
        if (logits.Shape.Rank != 2 || logits.Type != DataType.Float32)
            throw new ArgumentException($"{op}: logits must be f32 [B, K], got {logits}.");
        return (logits.Shape[0], logits.Shape[1]);
    }

    /// <summary>Checks a target tensor of the logits' shape.</summary>
    public static void CheckTargets(string op, Tensor logits, Tensor targets)
    {
        CheckLogits(op, logits);
        if (logits.Shape != targets.Shape)
            Throw.Shape(op, "logits and targets must have one shape [B, K]", ("logits", logits), ("targets", targets));
        if (targets.Type != DataType.Float32) throw new ArgumentException($"{op}: targets must be f32, got {targets}.");
    }

    /// <summary>Checks one class label for each row; <paramref name="ignore"/> passes too.</summary>
    public static (int B, int K) CheckLabels(string op, Tensor logits, ReadOnlySpan<int> labels, int? ignore = null)
    {
        (int b, int k) = CheckLogits(op, logits);
        if (labels.Length != b) throw new ArgumentException($"{op}: {b} rows of logits but {labels.Length} labels.");
        for (int i = 0; i < b; i++)
        {
            if ((uint)labels[i] >= (uint)k && labels[i] != ignore)
                throw new ArgumentException($"{op}: label {labels[i]} of sample {i} is not in [0, {k}).");
        }

        return (b, k);
    }

    /// <summary>Checks a share of label smoothing.</summary>
    public static void CheckSmoothing(string op, float labelSmoothing)
    {
        if (labelSmoothing is not (>= 0 and < 1))
            throw new ArgumentOutOfRangeException(nameof(labelSmoothing),
                $"{op}: label smoothing is {labelSmoothing}, expected a number in [0, 1).");
    }
}
