using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Tensors.Ops;

/// <summary>GELU as OpenAI's CLIP approximates it: y = x·σ(1.702·x).</summary>
public static class QuickGeluOp
{
    extension(Tensor x)
    {
        /// <summary>x/(1 + e^(−1.702·x)), elementwise.</summary>
        /// <returns>The shape and type of x.</returns>
        public Tensor QuickGelu()
        {
            Tensor y = x.NewEmpty(x.Shape, x.Type);
            new ActivateCall(ActivationKind.QuickGelu, x, y).Run();
            return y.Record([x], keep: [x], dy =>
            {
                Tensor dx = x.NewEmpty(x.Shape, x.Type);
                new ActivateBackwardCall(ActivationKind.QuickGelu, x, dy, dx).Run();      // dx = σ·(1 + 1.702·x·(1 − σ))·dy
                x.AddGrad(dx);
            });
        }
    }
}
