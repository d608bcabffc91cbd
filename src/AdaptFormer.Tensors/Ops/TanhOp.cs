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
            Tensor y = x.NewEmpty(x.Shape, x.Type);
            new ActivateCall(ActivationKind.Tanh, x, y).Run();
            return y.Record([x], keep: [y], dy =>
            {
                Tensor dx = x.NewEmpty(x.Shape, x.Type);
                new ActivateBackwardCall(ActivationKind.Tanh, y, dy, dx).Run();      // dx = (1 − y²)·dy
                x.AddGrad(dx);
            });
        }
    }
}
