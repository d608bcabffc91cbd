using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Tensors.Ops;

/// <summary>
/// Linear maps of parts of the features to parts of the result: y[q(p)] = r[q(p)] + s·x[p]·W_pᵀ for every part p (LoRA on queries and
/// values of a fused projection).
/// </summary>
public static class LinearPartsOp
{
    extension(Tensor x)
    {
        /// <summary>
        /// Maps part p of the last axis of <paramref name="x"/>, R features, to part places[p] of the result's, n features.
        /// </summary>
        /// <param name="weight">W, [P·n, R]: those of the parts one below the other.</param>
        /// <param name="places">Which part of the result each one of x is added to; all different.</param>
        /// <param name="residual">r, [..., O] with O a multiple of n. The result takes its memory if it was given.</param>
        /// <param name="scale">s.</param>
        /// <returns>The shape and type of the residual.</returns>
        /// <remarks>
        /// x is [..., P·R]. The parts are computed as one product with a matrix of mostly zeros: R is small, and so is what that wastes.
        /// </remarks>
        /// <exception cref="ArgumentException">A shape does not fit.</exception>
        public Tensor LinearParts(Tensor weight, IReadOnlyList<int> places, Tensor residual, float scale = 1)
        {
            int parts = places.Count, o = residual.Shape[^1], n = parts == 0 ? 0 : weight.Shape[0] / parts;
            if (weight.Shape.Rank != 2 || n == 0 || n * parts != weight.Shape[0] || weight.Shape[1] * parts != x.Shape[^1])
                Throw.Shape("LinearParts", $"weight must be [P·n, R] for x [..., P·R] of {parts} parts", ("x", x), ("weight", weight));
            if (o % n != 0 || places.Any(place => place < 0 || place >= o / n) || residual.Shape != x.Shape.WithLast(o))
            {
                Throw.Shape("LinearParts", $"residual must be [..., O] with parts of {n} for all of {string.Join(", ", places)}",
                    ("x", x), ("residual", residual));
            }


            Tensor y = residual.TakeOrEmpty(residual.Shape, residual.Type);
            new LinearCall(x, Whole(), null, residual.IsAlive ? residual : y, scale, Epilogue.None, y).Run();
            return y.Record([x, weight, residual], keep: [weight.NeedsGrad ? x : null, x.NeedsGrad ? weight : null], dy =>
            {
                residual.PassGrad(dy);
                Tensor d = dy.As(x.Type);
                if (x.NeedsGrad) x.GradInto((dx, add) => new LinearBackwardInputCall(d, Whole(), scale, dx, add).Run());
                if (!weight.NeedsGrad) return;
                Tensor whole = x.NewZeros(o, x.Shape[^1]), dWeight = x.NewEmpty(weight.Shape);
                new LinearBackwardWeightCall(d, x, scale, whole).Run();
                for (int p = 0; p < parts; p++) new CopyTokensCall(Rows(whole, p), p, Part(dWeight, p), 0, 1).Run();
                weight.AddGrad(dWeight);
            });

            // [O, P·R] with the parts in their places and zeros elsewhere.
            Tensor Whole()
            {
                Tensor whole = x.NewZeros(o, x.Shape[^1]);
                for (int p = 0; p < parts; p++) new CopyTokensCall(Part(weight, p), 0, Rows(whole, p), p, 1).Run();
                return whole;
            }

            Tensor Part(Tensor w, int p) => w.View(new Shape(n, 1, weight.Shape[1]), (long)p * n * weight.Shape[1]);

            Tensor Rows(Tensor whole, int p) => whole.View(new Shape(n, parts, weight.Shape[1]), (long)places[p] * n * x.Shape[^1]);
        }
    }
}
