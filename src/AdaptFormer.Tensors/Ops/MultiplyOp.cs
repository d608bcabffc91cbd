using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Tensors.Ops;

/// <summary>Elementwise product and the sum over it.</summary>
public static class MultiplyOp
{
    extension(Tensor a)
    {
        /// <summary>a ∘ b, f32.</summary>
        /// <exception cref="ArgumentException">The shapes differ, or a tensor is not f32.</exception>
        public Tensor Multiply(Tensor b)
        {
            CheckPair("Multiply", a, b);
            Tensor y = a.NewEmpty(a.Shape);
            new MultiplyCall(a, b, y).Run();
            return y.Record([a, b], keep: [b.NeedsGrad ? a : null, a.NeedsGrad ? b : null], dy =>
            {
                if (a.NeedsGrad) a.AddGrad(Product(dy, b));      // da = dy∘b
                if (b.NeedsGrad) b.AddGrad(Product(dy, a));      // db = dy∘a
            });
        }

        /// <summary>Σ aᵢ·bᵢ, a scalar, summed in double.</summary>
        /// <exception cref="ArgumentException">The shapes differ, or a tensor is not f32.</exception>
        public Tensor Dot(Tensor b)
        {
            CheckPair("Dot", a, b);
            Tensor y = a.NewEmpty(new Shape());
            new DotCall(a, b, 1, y).Run();
            return y.Record([a, b], keep: [b.NeedsGrad ? a : null, a.NeedsGrad ? b : null], dy =>
            {
                if (a.NeedsGrad) a.AddGrad(Scaled(b, dy));
                if (b.NeedsGrad) b.AddGrad(Scaled(a, dy));
            });
        }
    }

    private static void CheckPair(string op, Tensor a, Tensor b)
    {
        if (a.Shape != b.Shape) Throw.Shape(op, "both shapes must be equal", ("a", a), ("b", b));
        if (a.Type != DataType.Float32 || b.Type != DataType.Float32)
            throw new ArgumentException($"{op}: both tensors must be f32, got {a} and {b}.");
    }

    private static Tensor Product(Tensor a, Tensor b)
    {
        Tensor y = a.NewEmpty(a.Shape);
        new MultiplyCall(a, b, y).Run();
        return y;
    }

    private static Tensor Scaled(Tensor x, Tensor s)
    {
        Tensor y = x.NewEmpty(x.Shape);
        new ScaleByCall(x, s, 1, y).Run();
        return y;
    }
}
