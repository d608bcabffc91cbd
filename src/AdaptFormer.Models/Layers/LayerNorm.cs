using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Models.Layers;

/// <summary>Layer normalisation with learned scale and shift.</summary>
public sealed class LayerNorm : Layer
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
        After = AddSeam<Layer>("after");
    }

    /// <summary>γ, [C].</summary>
    public Parameter Weight { get; }

    /// <summary>β, [C].</summary>
    public Parameter Bias { get; }

    /// <summary>The tuning seam behind the norm: a function of its output (SSF).</summary>
    public Seam<Layer> After { get; }

    /// <summary>[..., C] → [..., C].</summary>
    public override Tensor Forward(Tensor x) => Forward(x, Slots.Attached);

    /// <summary>[..., C] → [..., C], in a pass with these slots.</summary>
    public Tensor Forward(Tensor x, Slots slots)
    {
        if (slots.Differ(Weight, Bias)) return slots.ByTask(x, Forward);
        Tensor y = x.LayerNorm(slots.Of(Weight), slots.Of(Bias), _eps, _output);
        return After.In(slots)?.Forward(y) ?? y;
    }
}
