using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Tensors.Ops;

/// <summary>Products with constants and with a learned factor.</summary>
public static class ScaleOp
{
    extension(Tensor x)
    {
        /// <summary>factor·x, for a constant factor.</summary>
        public Tensor Scale(float factor)
        {
            Tensor y = Tensor.Empty(x.Shape, x.Type);
            Backend.Current.Scale(x, factor, y);
            return y.Record([x], keep: [], dy =>
            {
                Tensor dx = Tensor.Empty(x.Shape, x.Type);
                Backend.Current.Scale(dy, factor, dx);
                x.AddGrad(dx);
            });
        }

        /// <summary>s·x, for a learned scalar s: an adapter's trainable scale.</summary>
        /// <param name="s">[1], f32.</param>
        /// <exception cref="ArgumentException">s is not one number, or x is not f32.</exception>
        public Tensor ScaleBy(Tensor s)
        {
            if (s.Length != 1) Throw.Shape("ScaleBy", "s must be one number", ("x", x), ("s", s));
            if (x.Type != DataType.Float32) throw new ArgumentException($"ScaleBy: x must be f32, got {x}.");
            float factor = s.Item();
            Tensor y = Tensor.Empty(x.Shape);
            Backend.Current.Scale(x, factor, y);
            return y.Record([x, s], keep: s.NeedsGrad ? [x] : [], dy =>
            {
                if (s.NeedsGrad) s.AddGrad(Tensor.Full(s.Shape, (float)Backend.Current.Dot(dy, x)));      // ds = Σ dy∘x
                if (x.NeedsGrad)
                {
                    Tensor dx = Tensor.Empty(x.Shape);
                    Backend.Current.Scale(dy, factor, dx);                                              // dx = s·dy
                    x.AddGrad(dx);
                }
            });
        }

        /// <summary>factor·x.</summary>
        public static Tensor operator *(float factor, Tensor tensor) => tensor.Scale(factor);
    }
}
