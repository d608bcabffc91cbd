using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Tensors.Ops;

/// <summary>One factor and one shift for each feature: y = γ∘x + β over the last axis (LayerScale, SSF).</summary>
public static class FeatureScaleOp
{
    extension(Tensor x)
    {
        /// <summary>Scales, and shifts, each of the C features of every row.</summary>
        /// <param name="gamma">γ, [C], f32.</param>
        /// <param name="beta">β, [C], f32; none if null.</param>
        /// <param name="output">Type of y; x's own if null.</param>
        /// <returns>The shape of x.</returns>
        /// <exception cref="ArgumentException">γ or β is not C long.</exception>
        public Tensor ScaleFeatures(Tensor gamma, Tensor? beta = null, DataType? output = null)
        {
            int c = x.Shape[^1];
            if (gamma.Length != c) Throw.Shape("ScaleFeatures", "gamma [C] must match the last axis of x", ("x", x), ("gamma", gamma));
            if (beta is not null && beta.Length != c)
                Throw.Shape("ScaleFeatures", "beta [C] must match the last axis of x", ("x", x), ("beta", beta));

            Tensor y = x.NewEmpty(x.Shape, output ?? x.Type);
            new ScaleFeaturesCall(x, gamma, beta, y).Run();
            return y.Record([x, gamma, beta], keep: [gamma.NeedsGrad ? x : null, x.NeedsGrad ? gamma : null], dy =>
            {
                if (x.NeedsGrad)
                {
                    Tensor dx = x.NewEmpty(x.Shape, x.Type);
                    new ScaleFeaturesCall(dy, gamma, null, dx).Run();                                                 // dx = γ∘dy
                    x.AddGrad(dx);
                }

                if (gamma.NeedsGrad) gamma.AddGrad(Sum(x, c, dGamma => new SumProductsCall(dy, x, dGamma).Run()));       // dγ = Σ dy∘x
                // dβ = Σ dy
                if (beta is { NeedsGrad: true }) beta.AddGrad(Sum(x, c, dBeta => new LinearBackwardBiasCall(dy, 1, dBeta).Run()));
            });
        }
    }

    private static Tensor Sum(Tensor x, int c, Action<Tensor> addTo)
    {
        Tensor sum = x.NewZeros(c);
        addTo(sum);
        return sum;
    }
}
