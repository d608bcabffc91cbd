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
            Tensor y = Tensor.Empty(x.Shape, x.Type);
            Backend.Current.Activate(ActivationKind.Relu, x, y);
            return y.Record([x], keep: [y], dy =>
            {
                Tensor dx = Tensor.Empty(x.Shape, x.Type);
                Backend.Current.ActivateBackward(ActivationKind.Relu, y, dy, dx);      // dx = dy where y > 0, else 0
                x.AddGrad(dx);
            });
        }
    }
}
