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
            if (beta is not null && beta.Length != c) Throw.Shape("ScaleFeatures", "beta [C] must match the last axis of x", ("x", x), ("beta", beta));

            Tensor y = Tensor.Empty(x.Shape, output ?? x.Type);
            Backend.Current.ScaleFeatures(x, gamma, beta, y);
            return y.Record([x, gamma, beta], keep: [gamma.NeedsGrad ? x : null, x.NeedsGrad ? gamma : null], dy =>
            {
                if (x.NeedsGrad)
                {
                    Tensor dx = Tensor.Empty(x.Shape, x.Type);
                    Backend.Current.ScaleFeatures(dy, gamma, null, dx);                                                 // dx = γ∘dy
                    x.AddGrad(dx);
                }

                if (gamma.NeedsGrad) gamma.AddGrad(Sum(c, dGamma => Backend.Current.SumProducts(dy, x, dGamma)));       // dγ = Σ dy∘x
                if (beta is { NeedsGrad: true }) beta.AddGrad(Sum(c, dBeta => Backend.Current.LinearBackwardBias(dy, 1, dBeta)));      // dβ = Σ dy
            });
        }
    }

    private static Tensor Sum(int c, Action<Tensor> addTo)
    {
        Tensor sum = Tensor.Zeros(c);
        addTo(sum);
        return sum;
    }
}
