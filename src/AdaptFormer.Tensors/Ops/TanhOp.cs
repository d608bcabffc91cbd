using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Tensors.Ops;

/// <summary>Hyperbolic tangent.</summary>
public static class TanhOp
{
    extension(Tensor x)
    {
        /// <summary>tanh x, elementwise.</summary>
        /// <returns>The shape and type of x.</returns>
        public Tensor Tanh()
        {
            Tensor y = Tensor.Empty(x.Shape, x.Type);
            Backend.Current.Activate(ActivationKind.Tanh, x, y);
            return y.Record([x], keep: [y], dy =>
            {
                Tensor dx = Tensor.Empty(x.Shape, x.Type);
                Backend.Current.ActivateBackward(ActivationKind.Tanh, y, dy, dx);      // dx = (1 − y²)·dy
                x.AddGrad(dx);
            });
        }
    }
}
