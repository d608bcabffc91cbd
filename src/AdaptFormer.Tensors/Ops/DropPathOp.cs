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
            Tensor y = x.NewEmpty(x.Shape, x.Type);
            new ScaleSlicesCall(x, Factors(x, key, rate), y).Run();
            return y.Record([x], keep: [], dy =>
            {
                Tensor dx = x.NewEmpty(x.Shape, x.Type);
                new ScaleSlicesCall(dy, Factors(x, key, rate), dx).Run();
                x.AddGrad(dx);
            });
        }
    }

    /// <summary>0 or 1/(1 − rate) for each sample, from the counters of <paramref name="key"/>.</summary>
    private static Tensor Factors(Tensor x, ulong key, float rate)
    {
        float[] factors = new float[x.Shape[0]];
        for (int b = 0; b < factors.Length; b++)
        {
            bool dropped = (Rng.At(key, (ulong)b) >> 40) * (1f / (1 << 24)) < rate;
            factors[b] = dropped ? 0 : 1 / (1 - rate);
        }

        return x.NewFrom(factors, new Shape(factors.Length));
    }
}
