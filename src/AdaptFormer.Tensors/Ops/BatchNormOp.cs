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
        /// <exception cref="ArgumentException">A shape does not fit, or one sample is given in training: its variance is not
        /// defined.</exception>
        public Tensor BatchNorm(Parameter runningMean, Parameter runningVariance, float momentum, float eps)
        {
            if (x.Shape.Rank != 2 || runningMean.Length != x.Shape[1] || runningVariance.Length != x.Shape[1])
                Throw.Shape("BatchNorm", "x [B, C] and running statistics [C] must agree", ("x", x), ("mean", runningMean),
                    ("variance", runningVariance));
            if (x.Type != DataType.Float32) throw new ArgumentException($"BatchNorm: x must be f32, got {x}.");
            (int b, int c) = (x.Shape[0], x.Shape[1]);
            Tensor y = x.NewEmpty(x.Shape), rstd = x.NewEmpty(new Shape(c));
            if (x.Tape is null)
            {
                new InverseRootCall(runningVariance, eps, rstd).Run();
                new NormalizeColumnsCall(x, runningMean, rstd, y).Run();
                return y;
            }

            if (b < 2)
                Throw.Shape("BatchNorm", "training needs at least two samples in a batch (use a larger batch, or head plain)", ("x", x));
            Tensor mean = x.NewEmpty(new Shape(c)), variance = x.NewEmpty(new Shape(c)), unbiased = x.NewEmpty(new Shape(c));
            new ColumnMomentsCall(x, mean, variance).Run();
            new InverseRootCall(variance, eps, rstd).Run();
            new NormalizeColumnsCall(x, mean, rstd, y).Run();
            new ScaleCall(variance, b / (b - 1f), unbiased).Run();
            RunningMove.Make(x.Tape, runningMean, mean, momentum);
            RunningMove.Make(x.Tape, runningVariance, unbiased, momentum);
            return y.Record([x], keep: [y, rstd], dy =>
            {
                Tensor dx = x.NewEmpty(x.Shape);
                new NormalizeColumnsBackwardCall(y, rstd, dy, dx).Run();
                x.AddGrad(dx);
            });
        }
    }
}
