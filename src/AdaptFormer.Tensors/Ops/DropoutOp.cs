using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Tensors.Ops;

/// <summary>Dropout: y = m∘x/(1 − p), m Bernoulli(1 − p) per element; live exactly when x belongs to a tape.</summary>
public static class DropoutOp
{
    extension(Tensor x)
    {
        /// <summary>
        /// Drops elements in training; returns x itself otherwise. The result takes the memory of an x that was given, even while a tape
        /// keeps it, so that a pass keeps one of the two: give an x that nothing reads any more but the gradient of a ReLU, to which a
        /// dropped element is one that was not above 0, and gets no gradient either way.
        /// </summary>
        /// <param name="rate">p, the probability of dropping an element, in [0, 1).</param>
        /// <exception cref="ArgumentOutOfRangeException">The rate is not in [0, 1).</exception>
        public Tensor Dropout(float rate)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(rate);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(rate, 1);
            if (x.Tape is not { } tape || rate == 0) return x;
            if (tape.GivenMasks.TryDequeue(out Tensor? mask)) return x.Multiply(mask.Scale(1 / (1 - rate)));

            ulong key = tape.NextRandomKey();
            Tensor y = x.IsGiven ? x.View(x.Shape) : x.NewEmpty(x.Shape, x.Type);
            new DropoutCall(x, key, rate, y).Run();
            return y.Record([x], keep: [], dy =>
            {
                Tensor dx = x.NewEmpty(x.Shape, x.Type);
                new DropoutCall(dy, key, rate, dx).Run();      // the mask again, from its key
                x.AddGrad(dx);
            });
        }
    }
}
