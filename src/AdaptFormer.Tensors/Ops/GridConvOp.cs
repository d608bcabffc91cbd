using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Tensors.Ops;

/// <summary>
/// Convolutions of 3×3 tokens over each frame of a grid, with zeros around it: y[r, c] = b + Σ W[i, j]·x[r + i − 1, c + j − 1].
/// Tokens ahead of the grid's (a class token, prompts) have no neighbours: each is a picture of its own, of which the kernel's centre alone
/// sees anything.
/// </summary>
/// <remarks>
/// A kernel of few outputs M costs one product x·[W₀₀ W₀₁ …]ᵀ to nine parts of M numbers for each token, which neighbours then
/// sum; the usual way, nine copies of a wide input, would take C/M times the memory.
/// </remarks>
public static class GridConvOp
{
    private const int Taps = 9;

    extension(Tensor x)
    {
        /// <summary>A full convolution from C to M features.</summary>
        /// <param name="weight">W, [M, C, 3, 3].</param>
        /// <param name="bias">b, [M]; none if null.</param>
        /// <param name="grid">How the last tokens of x lie.</param>
        /// <param name="compute">Type of the product's inputs; x's own if null.</param>
        /// <returns>[B, N, M], f32.</returns>
        /// <remarks>x is [B, P + T·H·W, C].</remarks>
        /// <exception cref="ArgumentException">A shape does not fit.</exception>
        public Tensor GridConv(Tensor weight, Tensor? bias, TokenGrid grid, DataType? compute = null)
        {
            CheckGrid("GridConv", x, grid);
            if (weight.Shape.Rank != 4 || weight.Shape[1] != x.Shape[2] || weight.Shape[2] != 3 || weight.Shape[3] != 3)
                Throw.Shape("GridConv", "weight must be [M, C, 3, 3] for x [B, N, C]", ("x", x), ("weight", weight));
            int m = weight.Shape[0];
            CheckBias("GridConv", bias, m);

            Tensor input = x.As(compute ?? x.Type);
            Tensor parts = x.NewEmpty(x.Shape.WithLast(Taps * m));
            new LinearCall(input, TapRows(weight), null, null, 1, Epilogue.None, parts).Run();           // parts[n, t] = W_t·x[n]
            Tensor y = x.NewEmpty(x.Shape.WithLast(m));
            new SumTapsCall(parts, grid, bias, y).Run();                                                 // y[n] = b + Σ_t parts[n + t, t]
            return y.Record([x, weight, bias], keep: [weight.NeedsGrad ? input : null, x.NeedsGrad ? weight : null], dy =>
            {
                Tensor dParts = x.NewEmpty(dy.Shape.WithLast(Taps * m));
                new SpreadTapsCall(dy, grid, dParts).Run();
                Tensor d = dParts.As(input.Type);
                if (x.NeedsGrad) x.GradInto((dx, add) => new LinearBackwardInputCall(d, TapRows(weight), 1, dx, add).Run());
                if (weight.NeedsGrad)
                {
                    Tensor dRows = x.NewZeros(Taps * m, x.Shape[2]), dWeight = x.NewEmpty(weight.Shape);
                    new LinearBackwardWeightCall(d, input, 1, dRows).Run();
                    new TransposeCall(dRows, (int)(weight.Length / Taps), dWeight).Run();
                    weight.AddGrad(dWeight);
                }

                if (bias is { NeedsGrad: true }) bias.AddGrad(SumOfRows(dy, m));
            });
        }

        /// <summary>A convolution of each feature with a kernel of its own.</summary>
        /// <param name="weight">W, [M, 1, 3, 3].</param>
        /// <param name="bias">b, [M]; none if null.</param>
        /// <param name="grid">How the last tokens of x lie.</param>
        /// <returns>[B, N, M], f32.</returns>
        /// <remarks>x is [B, P + T·H·W, M], f32.</remarks>
        /// <exception cref="ArgumentException">A shape does not fit, or x is not f32.</exception>
        public Tensor DepthwiseConv(Tensor weight, Tensor? bias, TokenGrid grid)
        {
            CheckGrid("DepthwiseConv", x, grid);
            if (x.Type != DataType.Float32) throw new ArgumentException($"DepthwiseConv: x must be f32, got {x}.");
            int m = x.Shape[2];
            if (weight.Shape.Rank != 4 || weight.Shape[0] != m || weight.Shape[1] != 1 || weight.Shape[2] != 3 || weight.Shape[3] != 3)
                Throw.Shape("DepthwiseConv", "weight must be [M, 1, 3, 3] for x [B, N, M]", ("x", x), ("weight", weight));
            CheckBias("DepthwiseConv", bias, m);

            Tensor y = x.NewEmpty(x.Shape);
            new DepthwiseCall(x, grid, TapRows(weight), bias, Mirrored: false, y).Run();
            return y.Record([x, weight, bias], keep: [weight.NeedsGrad ? x : null, x.NeedsGrad ? weight : null], dy =>
            {
                if (x.NeedsGrad)
                {
                    Tensor dx = x.NewEmpty(x.Shape);
                    new DepthwiseCall(dy, grid, TapRows(weight), null, Mirrored: true, dx).Run();
                    x.AddGrad(dx);
                }

                if (weight.NeedsGrad)
                {
                    Tensor dRows = x.NewZeros(Taps, m), dWeight = x.NewEmpty(weight.Shape);
                    new DepthwiseBackwardWeightCall(x, grid, dy, dRows).Run();
                    new TransposeCall(dRows, m, dWeight).Run();
                    weight.AddGrad(dWeight);
                }

                if (bias is { NeedsGrad: true }) bias.AddGrad(SumOfRows(dy, m));
            });
        }
    }

    /// <summary>[M, C, 3, 3] → [9·M, C]: the M rows of each tap one below the other.</summary>
    private static Tensor TapRows(Tensor weight)
    {
        Tensor rows = weight.NewEmpty(new Shape(Taps * weight.Shape[0], weight.Shape[1]));
        new TransposeCall(weight, Taps, rows).Run();
        return rows;
    }

    private static Tensor SumOfRows(Tensor dy, int m)
    {
        Tensor sum = dy.NewZeros(m);
        new LinearBackwardBiasCall(dy, 1, sum).Run();
        return sum;
    }

    private static void CheckGrid(string op, Tensor x, TokenGrid grid)
    {
        if (x.Shape.Rank != 3 || x.Shape[1] < grid.Count) Throw.Shape(op, $"x must be [B, P + {grid}, C]", ("x", x));
    }

    private static void CheckBias(string op, Tensor? bias, int m)
    {
        if (bias is not null && bias.Length != m) Throw.Shape(op, $"bias must have {m} numbers", ("bias", bias));
    }
}
