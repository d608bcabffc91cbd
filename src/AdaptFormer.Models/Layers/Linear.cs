using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Models.Layers;

/// <summary>A fully connected layer, y = x·Wᵀ + b, with a tuning seam beside it and one behind it.</summary>
public sealed class Linear : Layer
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
        Delta = AddSeam<LinearDelta>("delta");
        After = AddSeam<Layer>("after");
    }

    /// <summary>W, [O, I].</summary>
    public Parameter Weight { get; }

    /// <summary>b, [O], if there is one.</summary>
    public Parameter? Bias { get; }

    /// <summary>The tuning seam beside the product (LoRA).</summary>
    public Seam<LinearDelta> Delta { get; }

    /// <summary>The tuning seam behind the layer: a function of its output (SSF, IA³).</summary>
    public Seam<Layer> After { get; }

    /// <summary>[..., I] → [..., O], in the type of the product's inputs.</summary>
    public override Tensor Forward(Tensor x) => Forward(x, Slots.Attached);

    /// <summary>residual + γ∘(scale·(x·Wᵀ + b)), f32 when there is a residual.</summary>
    /// <param name="x">[..., I].</param>
    /// <param name="slots">What fills the seams.</param>
    /// <param name="residual">[..., O], f32; the result takes its memory if it was given.</param>
    /// <param name="scale">Factor on the layer's own part.</param>
    /// <param name="gamma">γ; none if null.</param>
    /// <param name="bias">[O], in place of the layer's own; that if null.</param>
    /// <param name="output">Type of the result; f32 with a residual or γ, else that of the product's inputs if null.</param>
    public Tensor Forward(
        Tensor x, Slots slots, Tensor? residual = null, float scale = 1, LayerScale? gamma = null, Tensor? bias = null,
        DataType? output = null)
    {
        if (bias is null && slots.Differ(Bias))
            return slots.ByTask(x, residual, (part, rest, own) => Forward(part, own, rest, scale, gamma, output: output));

        bias ??= slots.Of(Bias);
        (LinearDelta? delta, Layer? after) = (Delta.In(slots), After.In(slots));
        if (gamma is null && after is null)
        {
            DataType? handed = output ?? (residual is null && delta is null && Widens ? InBytesResult : null);
            Tensor y = x.Linear(Weight, bias, _compute, handed, residual, scale);
            return delta?.AddTo(y, x, scale) ?? y;
        }

        Tensor f = x.Linear(Weight, bias, _compute);
        f = delta?.AddTo(f, x, 1) ?? f;
        if (after is not null) f = after.Forward(f);
        if (scale != 1) f = f.Scale(scale);
        if (gamma is not null) f = gamma.Forward(f);
        if (residual is not null) return residual + f;
        return output is { } type ? f.Cast(type) : f;
    }

    /// <summary>GELU(x·Wᵀ + b).</summary>
    public Tensor ForwardGelu(Tensor x, Slots slots) =>
        IsPlain(slots) ? x.LinearGelu(Weight, slots.Of(Bias), _compute, InBytesResult) : Forward(x, slots).Gelu();

    /// <summary>ReLU(x·Wᵀ + b).</summary>
    public Tensor ForwardRelu(Tensor x, Slots slots) =>
        IsPlain(slots) ? x.LinearRelu(Weight, slots.Of(Bias), _compute) : Forward(x, slots).Relu();

    /// <summary>Whether it makes what another product reads: queries, keys and values, or hidden units. What does not is a branch's result,
    /// to which f32 is added.</summary>
    private bool Widens => Weight.Shape[0] > Weight.Shape[1];

    /// <summary>The type in which a weight in 8-bit whole numbers hands on its result; null for any other weight.</summary>
    private DataType? InBytesResult => Weight is { InBytes: true, Trainable: false } ? Backend.Current.InBytesResult : null;

    /// <summary>Whether the layer is one product and one bias for all rows, so that a nonlinearity can follow in the same sweep.</summary>
    private bool IsPlain(Slots slots) => Delta.In(slots) is null && After.In(slots) is null && !slots.Differ(Bias);
}
