using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Tensors.Ops;

/// <summary>Batch normalisation without affine parameters over features: y = (x − mean)/√(var + ε), by column of [B, C].</summary>
public static class BatchNormOp
{
    extension(Tensor x)
    {
        /// <summary>
        /// On a tape, uses the batch's statistics (biased variance) and moves the running ones (unbiased variance, as PyTorch does);
        /// otherwise uses the running ones.
        /// </summary>
        /// <param name="runningMean">[C], changed in training.</param>
        /// <param name="runningVariance">[C], changed in training.</param>
        /// <param name="momentum">Share of the batch in the new running value.</param>
        /// <param name="eps">ε; 1e-6 in the authors' head.</param>
        /// <exception cref="ArgumentException">A shape does not fit, or one sample is given in training: its variance is not defined.</exception>
        public Tensor BatchNorm(Parameter runningMean, Parameter runningVariance, float momentum, float eps)
        {
            if (x.Shape.Rank != 2 || runningMean.Length != x.Shape[1] || runningVariance.Length != x.Shape[1])
                Throw.Shape("BatchNorm", "x [B, C] and running statistics [C] must agree", ("x", x), ("mean", runningMean), ("variance", runningVariance));
            if (x.Type != DataType.Float32) throw new ArgumentException($"BatchNorm: x must be f32, got {x}.");
            (int b, int c) = (x.Shape[0], x.Shape[1]);
            Tensor y = Tensor.Empty(x.Shape), rstd = Tensor.Empty(new Shape(c));
            if (x.Tape is null)
            {
                Inverse(runningVariance, eps, rstd);
                Backend.Current.NormalizeColumns(x, runningMean, rstd, y);
                return y;
            }

            if (b < 2) Throw.Shape("BatchNorm", "training needs at least two samples in a batch (use a larger batch, or head plain)", ("x", x));
            Tensor mean = Tensor.Empty(new Shape(c)), variance = Tensor.Empty(new Shape(c));
            Backend.Current.ColumnMoments(x, mean, variance);
            Inverse(variance, eps, rstd);
            Backend.Current.NormalizeColumns(x, mean, rstd, y);
            Move(runningMean, mean, momentum, 1);
            Move(runningVariance, variance, momentum, b / (b - 1f));
            return y.Record([x], keep: [y, rstd], dy =>
            {
                Tensor dx = Tensor.Empty(x.Shape);
                Backend.Current.NormalizeColumnsBackward(y, rstd, dy, dx);
                x.AddGrad(dx);
            });
        }
    }

    private static void Inverse(Tensor variance, float eps, Tensor rstd)
    {
        for (int j = 0; j < rstd.Length; j++) rstd.Span[j] = (float)(1 / Math.Sqrt((double)variance.Span[j] + eps));
    }

    private static void Move(Parameter running, Tensor batch, float momentum, float factor)
    {
        float[] values = running.ToArray();
        for (int j = 0; j < values.Length; j++) values[j] += momentum * ((factor * batch.Span[j]) - values[j]);
        running.Assign(values);     // they may lie in a mapped file, which must not be written
    }
}
