using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Tensors.Ops;

/// <summary>Joining and taking tokens, the rows of [B, N, C].</summary>
public static class TokenOps
{
    extension(Tensor x)
    {
        /// <summary>Puts tokens ahead of those of x: a class token or prompts.</summary>
        /// <param name="front">[1, P, C], shared by the batch, or [B, P, C].</param>
        /// <returns>[B, P + N, C].</returns>
        /// <exception cref="ArgumentException">The shapes do not fit.</exception>
        public Tensor PrependTokens(Tensor front)
        {
            CheckTokens("PrependTokens", x);
            if (front.Shape.Rank != 3 || front.Shape[2] != x.Shape[2] || (front.Shape[0] != 1 && front.Shape[0] != x.Shape[0]))
                Throw.Shape("PrependTokens", "front must be [1 or B, P, C] for x [B, N, C]", ("front", front), ("x", x));
            (int b, int n, int c, int p) = (x.Shape[0], x.Shape[1], x.Shape[2], front.Shape[1]);
            Tensor y = x.NewEmpty(new Shape(b, p + n, c), x.Type);
            new CopyTokensCall(front, 0, y, 0, p).Run();
            new CopyTokensCall(x, 0, y, p, n).Run();
            return y.Record([front, x], keep: [], dy =>
            {
                if (x.NeedsGrad) x.AddGrad(Part(dy, p, n));
                if (!front.NeedsGrad) return;
                if (front.Shape[0] == b) front.PassGrad(Part(dy, 0, p));
                else
                {
                    Tensor shared = x.NewFull(front.Shape, 0);
                    new CopyTokensCall(dy, 0, shared, 0, p, Add: true).Run();      // the batch shares the tokens: their gradients add up
                    front.PassGrad(shared);
                }
            });
        }

        /// <summary>Tokens start … start + count − 1 of every image.</summary>
        /// <returns>[B, count, C].</returns>
        /// <exception cref="ArgumentException">The range is not inside x.</exception>
        public Tensor SliceTokens(int start, int count)
        {
            CheckTokens("SliceTokens", x);
            if (start < 0 || count < 0 || start + count > x.Shape[1])
                Throw.Shape("SliceTokens", $"tokens {start}…{start + count} must lie inside x", ("x", x));
            if (count == x.Shape[1]) return x;
            Tensor y = Part(x, start, count);
            return y.Record([x], keep: [], dy =>
            {
                Tensor dx = x.NewEmpty(x.Shape, x.Type);
                new FillCall(dx, 0).Run();
                new CopyTokensCall(dy, 0, dx, start, count).Run();
                x.AddGrad(dx);
            });
        }

        /// <summary>Puts tokens of zeros behind those of x.</summary>
        /// <param name="count">How many, at least 0.</param>
        /// <returns>[B, N + count, C].</returns>
        /// <exception cref="ArgumentException">x is not [B, N, C].</exception>
        public Tensor AppendZeros(int count)
        {
            CheckTokens("AppendZeros", x);
            if (count == 0) return x;
            int n = x.Shape[1];
            Tensor y = x.NewEmpty(new Shape(x.Shape[0], n + count, x.Shape[2]), x.Type);
            new FillCall(y, 0).Run();
            new CopyTokensCall(x, 0, y, 0, n).Run();
            return y.Record([x], keep: [], dy => x.AddGrad(Part(dy, 0, n)));
        }

        /// <summary>The mean of tokens start … N − 1: global pooling, without the class token when start is 1.</summary>
        /// <returns>[B, C], f32.</returns>
        /// <exception cref="ArgumentException">No token is left.</exception>
        public Tensor MeanTokens(int start = 0)
        {
            CheckTokens("MeanTokens", x);
            if (start < 0 || start >= x.Shape[1]) Throw.Shape("MeanTokens", $"a token must be left after skipping {start}", ("x", x));
            Tensor y = x.NewEmpty(new Shape(x.Shape[0], x.Shape[2]));
            new MeanTokensCall(x, start, y).Run();
            return y.Record([x], keep: [], dy =>
            {
                Tensor dx = x.NewEmpty(x.Shape, x.Type);
                new MeanTokensBackwardCall(dy, start, dx).Run();
                x.AddGrad(dx);
            });
        }

        /// <summary>The same numbers under another shape.</summary>
        /// <exception cref="ArgumentException">The number of elements differs.</exception>
        public Tensor Reshape(params ReadOnlySpan<int> dims)
        {
            Shape shape = new(dims);
            if (shape.Length != x.Length) Throw.Shape("Reshape", $"{shape} has another number of elements", ("x", x));
            return x.View(shape).Record([x], keep: [], dy => x.AddGrad(dy.View(x.Shape)));
        }
    }

    private static Tensor Part(Tensor x, int start, int count)
    {
        Tensor part = x.NewEmpty(new Shape(x.Shape[0], count, x.Shape[2]), x.Type);
        new CopyTokensCall(x, start, part, 0, count).Run();
        return part;
    }

    private static void CheckTokens(string op, Tensor x)
    {
        if (x.Shape.Rank != 3) Throw.Shape(op, "x must be [B, N, C]", ("x", x));
    }
}
