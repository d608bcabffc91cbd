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
            Tensor y = x.NewEmpty(x.Shape, x.Type);
            new ActivateCall(ActivationKind.Sigmoid, x, y).Run();
            return y.Record([x], keep: [y], dy =>
            {
                Tensor dx = x.NewEmpty(x.Shape, x.Type);
                new ActivateBackwardCall(ActivationKind.Sigmoid, y, dy, dx).Run();      // dx = y·(1 − y)·dy
                x.AddGrad(dx);
            });
        }
    }
}
