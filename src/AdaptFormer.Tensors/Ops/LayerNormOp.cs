using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Tensors.Ops;

/// <summary>Layer normalisation over the last axis: y = γ·(x − mean)/√(var + ε) + β.</summary>
public static class LayerNormOp
{
    extension(Tensor x)
    {
        /// <summary>Normalises each row of C numbers.</summary>
        /// <param name="gamma">γ, [C]; ones if null.</param>
        /// <param name="beta">β, [C]; zeros if null.</param>
        /// <param name="eps">ε: 1e-6 in the ViT backbone, 1e-5 in adapters and Swin.</param>
        /// <param name="output">Type of y; x's own if null.</param>
        /// <returns>The shape of x.</returns>
        /// <remarks>With a bf16 result the backward pass reads x rounded to bf16, the copy that a parallel adapter reads too.</remarks>
        /// <exception cref="ArgumentException">γ or β is not C long.</exception>
        public Tensor LayerNorm(Tensor? gamma, Tensor? beta, float eps, DataType? output = null)
        {
            int c = x.Shape[^1];
            if (gamma is not null && gamma.Length != c)
                Throw.Shape("LayerNorm", "gamma [C] must match the last axis of x", ("x", x), ("gamma", gamma));
            if (beta is not null && beta.Length != c)
                Throw.Shape("LayerNorm", "beta [C] must match the last axis of x", ("x", x), ("beta", beta));

            Tensor y = x.NewEmpty(x.Shape, output ?? x.Type);
            if (!Recording.Records(x, gamma, beta))
            {
                new LayerNormCall(x, gamma, beta, eps, null, null, y).Run();
                return y.Record([x], [], static _ => { });
            }

            Tensor mean = x.NewEmpty(new Shape((int)x.Shape.Rows)), rstd = x.NewEmpty(mean.Shape);
            new LayerNormCall(x, gamma, beta, eps, mean, rstd, y).Run();
            Tensor saved = x.As(y.Type);
            return y.Record([x, gamma, beta], keep: [saved, mean, rstd, x.NeedsGrad ? gamma : null], dy =>
            {
                if (x.NeedsGrad) x.GradInto((dx, add) => new LayerNormBackwardCall(saved, mean, rstd, gamma, dy, dx, add).Run());
                if (gamma is { NeedsGrad: true } || beta is { NeedsGrad: true })
                {
                    Tensor dGamma = x.NewZeros(c), dBeta = x.NewZeros(c);
                    new LayerNormBackwardParamsCall(saved, mean, rstd, dy, dGamma, dBeta).Run();
                    if (gamma is { NeedsGrad: true }) gamma.AddGrad(dGamma);
                    if (beta is { NeedsGrad: true }) beta.AddGrad(dBeta);
                }
            });
        }
    }
}
