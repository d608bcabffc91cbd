using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Tensors.Ops;

/// <summary>Gaussian error linear unit: y = x·Φ(x), with the exact error function as in the ViT code.</summary>
public static class GeluOp
{
    extension(Tensor x)
    {
        /// <summary>x·Φ(x), elementwise.</summary>
        /// <returns>The shape and type of x.</returns>
        public Tensor Gelu()
        {
            Tensor y = x.NewEmpty(x.Shape, x.Type);
            new ActivateCall(ActivationKind.Gelu, x, y).Run();
            return y.Record([x], keep: [x], dy =>
            {
                Tensor dx = x.NewEmpty(x.Shape, x.Type);
                new ActivateBackwardCall(ActivationKind.Gelu, x, dy, dx).Run();      // dx = (Φ(x) + x·φ(x))·dy
                x.AddGrad(dx);
            });
        }
    }
}
