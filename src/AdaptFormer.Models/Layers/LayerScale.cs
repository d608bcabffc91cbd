using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Models.Layers;

/// <summary>LayerScale, arXiv:2103.17239: one learned factor for each feature of a residual branch, γ∘f.</summary>
public sealed class LayerScale : Layer
{
    /// <summary>γ over C features, to be loaded.</summary>
    public LayerScale(int dim) => Gamma = Add("gamma", Parameter.Full(new Shape(dim), 1));

    /// <summary>γ, [C].</summary>
    public Parameter Gamma { get; }

    /// <summary>[..., C] → [..., C], f32.</summary>
    public override Tensor Forward(Tensor x) => x.ScaleFeatures(Gamma, output: DataType.Float32);
}
