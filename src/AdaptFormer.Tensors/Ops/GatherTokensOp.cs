using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Tensors.Ops;

/// <summary>Picking tokens by their number, each sample its own: y[b, k] = x[b, index[b, k]].</summary>
public static class GatherTokensOp
{
    extension(Tensor x)
    {
        /// <summary>Picks K tokens of every sample; one may be picked several times, and its gradients add up.</summary>
        /// <param name="index">[B·K], row by row: numbers in [0, N).</param>
        /// <returns>[B, K, C].</returns>
        /// <exception cref="ArgumentException">x is not [B, N, C], or an index is out of range or missing.</exception>
        public Tensor GatherTokens(int[] index)
        {
            if (x.Shape.Rank != 3 || x.Shape[0] == 0 || index.Length % x.Shape[0] != 0)
                Throw.Shape("GatherTokens", $"{index.Length} numbers must be K for each sample of x [B, N, C]", ("x", x));
            (int b, int n, int c) = (x.Shape[0], x.Shape[1], x.Shape[2]);
            foreach (int token in index)
            {
                if ((uint)token >= (uint)n) Throw.Shape("GatherTokens", $"token {token} must lie inside x [B, N, C]", ("x", x));
            }

            Tensor y = x.NewEmpty(new Shape(b, index.Length / b, c), x.Type);
            new GatherTokensCall(x, index, y).Run();
            return y.Record([x], keep: [], dy =>
            {
                Tensor dx = x.NewEmpty(x.Shape);
                new FillCall(dx, 0).Run();
                new ScatterTokensCall(dy, index, dx).Run();
                x.PassGrad(dx);
            });
        }
    }
}
