using AdaptFormer.Tensors.Backends;
using AdaptFormer.Tensors.Backends.Cpu;

namespace AdaptFormer.Tensors.Ops;

/// <summary>
/// Convolutions of 3×3 tokens over each frame of a grid, with zeros around it: y[r, c] = b + Σ W[i, j]·x[r + i − 1, c + j − 1]. Tokens ahead of the grid's (a class
/// token, prompts) have no neighbours: each is a picture of its own, of which the kernel's centre alone sees anything.
/// </summary>
/// <remarks>
/// A kernel of few outputs M costs one product x·[W₀₀ W₀₁ …]ᵀ to nine parts of M numbers for each token, which neighbours then sum; the usual way, nine copies of a wide
/// input, would take C/M times the memory.
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
            Tensor parts = Tensor.Empty(x.Shape.WithLast(Taps * m));
            Backend.Current.Linear(input, TapRows(weight), null, null, 1, Epilogue.None, parts);           // parts[n, t] = W_t·x[n]
            Tensor y = Tensor.Empty(x.Shape.WithLast(m));
            Backend.Current.SumTaps(parts, grid, bias, y);                                                 // y[n] = b + Σ_t parts[n + t, t]
            return y.Record([x, weight, bias], keep: [weight.NeedsGrad ? input : null, x.NeedsGrad ? weight : null], dy =>
            {
                Tensor dParts = Tensor.Empty(dy.Shape.WithLast(Taps * m));
                Backend.Current.SpreadTaps(dy, grid, dParts);
                Tensor d = dParts.As(input.Type);
                if (x.NeedsGrad) x.GradInto((dx, add) => Backend.Current.LinearBackwardInput(d, TapRows(weight), 1, dx, add));
                if (weight.NeedsGrad)
                {
                    Tensor dRows = Tensor.Zeros(Taps * m, x.Shape[2]), dWeight = Tensor.Empty(weight.Shape);
                    Backend.Current.LinearBackwardWeight(d, input, 1, dRows);
                    Backend.Current.Transpose(dRows, (int)(weight.Length / Taps), dWeight);
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

            Tensor y = Tensor.Empty(x.Shape);
            Backend.Current.Depthwise(x, grid, TapRows(weight), bias, mirrored: false, y);
            return y.Record([x, weight, bias], keep: [weight.NeedsGrad ? x : null, x.NeedsGrad ? weight : null], dy =>
            {
                if (x.NeedsGrad)
                {
                    Tensor dx = Tensor.Empty(x.Shape);
                    Backend.Current.Depthwise(dy, grid, TapRows(weight), null, mirrored: true, dx);
                    x.AddGrad(dx);
                }

                if (weight.NeedsGrad)
                {
                    Tensor dRows = Tensor.Zeros(Taps, m), dWeight = Tensor.Empty(weight.Shape);
                    Backend.Current.DepthwiseBackwardWeight(x, grid, dy, dRows);
                    Backend.Current.Transpose(dRows, m, dWeight);
                    weight.AddGrad(dWeight);
                }

                if (bias is { NeedsGrad: true }) bias.AddGrad(SumOfRows(dy, m));
            });
        }
    }

    /// <summary>[M, C, 3, 3] → [9·M, C]: the M rows of each tap one below the other.</summary>
    private static Tensor TapRows(Tensor weight)
    {
        Tensor rows = Tensor.Empty(new Shape(Taps * weight.Shape[0], weight.Shape[1]));
        Backend.Current.Transpose(weight, Taps, rows);
        return rows;
    }

    private static Tensor SumOfRows(Tensor dy, int m)
    {
        Tensor sum = Tensor.Zeros(m);
        Backend.Current.LinearBackwardBias(dy, 1, sum);
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
