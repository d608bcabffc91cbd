using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Models.Layers;

/// <summary>Layer normalisation with learned scale and shift.</summary>
public sealed class LayerNorm : Module
{
    private readonly float _eps;
    private readonly DataType _output;

    /// <summary>γ = 1 and β = 0 over C features.</summary>
    /// <param name="dim">C.</param>
    /// <param name="eps">Added to the variance.</param>
    /// <param name="output">Type of the result: that of the product which reads it.</param>
    public LayerNorm(int dim, float eps, DataType output = DataType.Float32)
    {
        (_eps, _output) = (eps, output);
        Weight = Add("weight", Parameter.Full(new Shape(dim), 1));
        Bias = Add("bias", Parameter.Zeros(dim));
    }

    /// <summary>γ, [C].</summary>
    public Parameter Weight { get; }

    /// <summary>β, [C].</summary>
    public Parameter Bias { get; }

    /// <summary>The tuning seam behind the norm: a function of its output (SSF).</summary>
    public Module? After { get; set; }

    /// <summary>[..., C] → [..., C].</summary>
    public override Tensor Forward(Tensor x)
    {
        Tensor y = x.LayerNorm(Weight, Bias, _eps, _output);
        return After?.Forward(y) ?? y;
    }
}
