using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Models.Layers;

/// <summary>A fully connected layer, y = x·Wᵀ + b, with a tuning seam beside it and one behind it.</summary>
public sealed class Linear : Module
{
    private readonly DataType _compute;

    /// <summary>A layer from I to O features with undefined weights, to be loaded.</summary>
    /// <param name="inFeatures">I.</param>
    /// <param name="outFeatures">O.</param>
    /// <param name="bias">Whether there is a bias.</param>
    /// <param name="compute">Type of the product's inputs.</param>
    public Linear(int inFeatures, int outFeatures, bool bias = true, DataType compute = DataType.Float32)
        : this(Parameter.Zeros(outFeatures, inFeatures), bias ? Parameter.Zeros(outFeatures) : null, compute)
    {
    }

    /// <summary>A layer with the given weights.</summary>
    /// <param name="weight">W, [O, I].</param>
    /// <param name="bias">b, [O]; none if null.</param>
    /// <param name="compute">Type of the product's inputs.</param>
    public Linear(Parameter weight, Parameter? bias, DataType compute = DataType.Float32)
    {
        _compute = compute;
        Weight = Add("weight", weight);
        Bias = bias is null ? null : Add("bias", bias);
    }

    /// <summary>W, [O, I].</summary>
    public Parameter Weight { get; }

    /// <summary>b, [O], if there is one.</summary>
    public Parameter? Bias { get; }

    /// <summary>The tuning seam beside the product (LoRA).</summary>
    public LinearDelta? Delta { get; set; }

    /// <summary>The tuning seam behind the layer: a function of its output (SSF).</summary>
    public Module? After { get; set; }

    /// <summary>[..., I] → [..., O], in the type of the product's inputs.</summary>
    public override Tensor Forward(Tensor x) => Forward(x, residual: null);

    /// <summary>residual + scale·(x·Wᵀ + b), f32 when there is a residual.</summary>
    /// <param name="x">[..., I].</param>
    /// <param name="residual">[..., O], f32.</param>
    /// <param name="scale">Factor on the layer's own part.</param>
    /// <param name="intoResidual">The result takes the residual's memory, whose numbers nobody reads afterwards.</param>
    /// <param name="bias">[O], in place of the layer's own; that if null.</param>
    /// <param name="output">Type of the result; f32 with a residual, else that of the product's inputs if null.</param>
    public Tensor Forward(Tensor x, Tensor? residual = null, float scale = 1, bool intoResidual = false, Tensor? bias = null, DataType? output = null)
    {
        bias ??= Bias;
        if (After is not null) return Behind(x, residual, scale, bias, output);
        Tensor y = x.Linear(Weight, bias, _compute, output, residual, scale, intoResidual);
        return Delta?.AddTo(y, x, scale) ?? y;
    }

    /// <summary>GELU(x·Wᵀ + b).</summary>
    public Tensor ForwardGelu(Tensor x) => Delta is null && After is null ? x.LinearGelu(Weight, Bias, _compute) : Forward(x).Gelu();

    /// <summary>ReLU(x·Wᵀ + b).</summary>
    public Tensor ForwardRelu(Tensor x) => Delta is null && After is null ? x.LinearRelu(Weight, Bias, _compute) : Forward(x).Relu();

    private Tensor Behind(Tensor x, Tensor? residual, float scale, Tensor? bias, DataType? output)
    {
        Tensor y = x.Linear(Weight, bias, _compute);
        y = After!.Forward(Delta?.AddTo(y, x, 1) ?? y);
        if (scale != 1) y = y.Scale(scale);
        if (residual is not null) return residual + y;
        return output is { } type ? y.Cast(type) : y;
    }
}
