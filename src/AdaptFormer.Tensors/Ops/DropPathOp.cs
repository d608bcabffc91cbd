using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Tensors.Ops;

/// <summary>Stochastic depth: drops a whole branch for some samples of the batch; live exactly when x belongs to a tape.</summary>
public static class DropPathOp
{
    extension(Tensor x)
    {
        /// <summary>y[b] = x[b]/(1 − p) or 0, one draw for each sample.</summary>
        /// <param name="rate">Probability of dropping the branch per sample, in [0, 1).</param>
        /// <exception cref="ArgumentOutOfRangeException">The rate is not in [0, 1).</exception>
        public Tensor DropPath(float rate)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(rate);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(rate, 1);
            if (x.Tape is not { } tape || rate == 0) return x;

            ulong key = tape.NextRandomKey();
            float[] factors = new float[x.Shape[0]];
            for (int b = 0; b < factors.Length; b++)
            {
                bool dropped = (Rng.At(key, (ulong)b) >> 40) * (1f / (1 << 24)) < rate;
                factors[b] = dropped ? 0 : 1 / (1 - rate);
            }

            Tensor y = Tensor.Empty(x.Shape, x.Type);
            Backend.Current.ScaleSlices(x, factors, y);
            return y.Record([x], keep: [], dy =>
            {
                Tensor dx = Tensor.Empty(x.Shape, x.Type);
                Backend.Current.ScaleSlices(dy, factors, dx);
                x.AddGrad(dx);
            });
        }
    }
}
