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
            Tensor y = Tensor.Empty(a.Shape);
            Backend.Current.Multiply(a, b, y);
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
            Tensor y = Tensor.Full(new Shape(), (float)Backend.Current.Dot(a, b));
            return y.Record([a, b], keep: [b.NeedsGrad ? a : null, a.NeedsGrad ? b : null], dy =>
            {
                float d = dy.Item();
                if (a.NeedsGrad) a.AddGrad(Scaled(b, d));
                if (b.NeedsGrad) b.AddGrad(Scaled(a, d));
            });
        }
    }

    private static void CheckPair(string op, Tensor a, Tensor b)
    {
        if (a.Shape != b.Shape) Throw.Shape(op, "both shapes must be equal", ("a", a), ("b", b));
        if (a.Type != DataType.Float32 || b.Type != DataType.Float32) throw new ArgumentException($"{op}: both tensors must be f32, got {a} and {b}.");
    }

    private static Tensor Product(Tensor a, Tensor b)
    {
        Tensor y = Tensor.Empty(a.Shape);
        Backend.Current.Multiply(a, b, y);
        return y;
    }

    private static Tensor Scaled(Tensor x, float factor)
    {
        Tensor y = Tensor.Empty(x.Shape);
        Backend.Current.Scale(x, factor, y);
        return y;
    }
}
