using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Models.Layers;

/// <summary>What stands between the features and the logits.</summary>
public enum HeadKind
{
    /// <summary>BatchNorm (no affine) and Linear: follows the authors' code.</summary>
    BatchNorm,

    /// <summary>Linear alone.</summary>
    Plain,
}

/// <summary>
/// The classifier. Its names are the authors': <c>head.weight</c>, or <c>head.0.running_mean</c> … and <c>head.1.weight</c> with
/// BatchNorm.
/// </summary>
public sealed class Head : Layer
{
    private const double WeightDeviation = 0.01;

    private Head(float[] weight, float[] bias, int features)
    {
        (Kind, Features, Classes) = (HeadKind.Plain, features, bias.Length);
        Weight = Add("weight", Parameter.From(weight, new Shape(Classes, features)));
        Bias = Add("bias", Parameter.From(bias, new Shape(Classes)));
    }

    /// <summary>
    /// A classifier from C features to K classes, weights truncated-normal with deviation 0.01 and biases 0 (follows the authors' code).
    /// </summary>
    public Head(HeadKind kind, int features, int classes, Rng rng)
    {
        (Kind, Features, Classes) = (kind, features, classes);
        if (kind == HeadKind.Plain)
        {
            Weight = Add("weight", Initializers.TruncatedNormal(rng, WeightDeviation, classes, features));
            Bias = Add("bias", Parameter.Zeros(classes));
            return;
        }

        Norm = Add("0", new BatchNorm(features));
        Parameter weight = Initializers.TruncatedNormal(rng, WeightDeviation, classes, features);
        Linear linear = Add("1", new Linear(weight, Parameter.Zeros(classes)));
        (Weight, Bias) = (linear.Weight, linear.Bias!);
    }

    /// <summary>With or without BatchNorm.</summary>
    public HeadKind Kind { get; }

    /// <summary>C.</summary>
    public int Features { get; }

    /// <summary>K.</summary>
    public int Classes { get; }

    /// <summary>The BatchNorm, if there is one.</summary>
    public BatchNorm? Norm { get; }

    /// <summary>[K, C].</summary>
    public Parameter Weight { get; }

    /// <summary>[K].</summary>
    public Parameter Bias { get; }

    /// <summary>
    /// The head as one linear map, with the statistics that prediction uses: W' = W·diag(1/√(var + ε)), b' = b − W'·mean.
    /// </summary>
    /// <returns>W', [K, C], and b', [K].</returns>
    public (float[] Weight, float[] Bias) ToLinear()
    {
        float[] weight = Weight.ToArray(), bias = Bias.ToArray();
        if (Norm is null) return (weight, bias);
        (float[] mean, float[] variance) = (Norm.RunningMean.ToArray(), Norm.RunningVariance.ToArray());
        for (int k = 0; k < Classes; k++)
        {
            double shift = 0;
            for (int c = 0; c < Features; c++)
            {
                double folded = weight[(k * Features) + c] / Math.Sqrt(variance[c] + Norm.Eps);
                shift += folded * mean[c];
                weight[(k * Features) + c] = (float)folded;
            }

            bias[k] = (float)(bias[k] - shift);
        }

        return (weight, bias);
    }

    /// <summary>A head of its own that answers as this one predicts, without the batch norm: see <see cref="ToLinear"/>.</summary>
    public Head Fold()
    {
        (float[] weight, float[] bias) = ToLinear();
        return new Head(weight, bias, Features);
    }

    /// <summary>Features [B, C] → logits [B, K], f32.</summary>
    public override Tensor Forward(Tensor x) =>
        (Norm is null ? x : Norm.Forward(x)).Linear(Weight, Bias);
}
