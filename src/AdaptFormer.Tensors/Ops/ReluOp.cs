using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Tensors.Ops;

/// <summary>Rectified linear unit: y = max(0, x).</summary>
public static class ReluOp
{
    extension(Tensor x)
    {
        /// <summary>max(0, x), elementwise.</summary>
        /// <returns>The shape and type of x.</returns>
        public Tensor Relu()
        {
            Tensor y = x.NewEmpty(x.Shape, x.Type);
            new ActivateCall(ActivationKind.Relu, x, y).Run();
            return y.Record([x], keep: [y], dy =>
            {
                Tensor dx = x.NewEmpty(x.Shape, x.Type);
                new ActivateBackwardCall(ActivationKind.Relu, y, dy, dx).Run();      // dx = dy where y > 0, else 0
                x.AddGrad(dx);
            });
        }
    }
}
