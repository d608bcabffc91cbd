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
            Tensor y = x.NewEmpty(x.Shape, x.Type);
            new ScaleCall(x, factor, y).Run();
            return y.Record([x], keep: [], dy =>
            {
                Tensor dx = x.NewEmpty(x.Shape, x.Type);
                new ScaleCall(dy, factor, dx).Run();
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
            Tensor y = x.NewEmpty(x.Shape);
            new ScaleByCall(x, s, 1, y).Run();
            return y.Record([x, s], keep: [s.NeedsGrad ? x : null, x.NeedsGrad ? s : null], dy =>
            {
                if (s.NeedsGrad)
                {
                    Tensor ds = s.NewEmpty(s.Shape);
                    new DotCall(dy, x, 1, ds).Run();                                                    // ds = Σ dy∘x
                    s.AddGrad(ds);
                }

                if (x.NeedsGrad)
                {
                    Tensor dx = x.NewEmpty(x.Shape);
                    new ScaleByCall(dy, s, 1, dx).Run();                                                // dx = s·dy
                    x.AddGrad(dx);
                }
            });
        }

        /// <summary>factor·x.</summary>
        public static Tensor operator *(float factor, Tensor tensor) => tensor.Scale(factor);
    }
}
