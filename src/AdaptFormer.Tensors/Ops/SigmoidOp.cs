using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Tensors.Ops;

/// <summary>Logistic function.</summary>
public static class SigmoidOp
{
    extension(Tensor x)
    {
        /// <summary>1/(1 + e⁻ˣ), elementwise.</summary>
        /// <returns>The shape and type of x.</returns>
        public Tensor Sigmoid()
        {
            Tensor y = Tensor.Empty(x.Shape, x.Type);
            Backend.Current.Activate(ActivationKind.Sigmoid, x, y);
            return y.Record([x], keep: [y], dy =>
            {
                Tensor dx = Tensor.Empty(x.Shape, x.Type);
                Backend.Current.ActivateBackward(ActivationKind.Sigmoid, y, dy, dx);      // dx = y·(1 − y)·dy
                x.AddGrad(dx);
            });
        }
    }
}
