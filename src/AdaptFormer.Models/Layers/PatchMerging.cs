using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Models.Layers;

/// <summary>Between two stages of Swin: each 2×2 neighbourhood becomes one token of twice the features, W·LN([x₀; x₁; x₂;
/// x₃]).</summary>
public sealed class PatchMerging : Layer
{
    private readonly TokenGrid _grid;
    private readonly LayerNorm _norm;
    private readonly Linear _reduction;

    /// <summary>From C to 2·C features.</summary>
    /// <param name="grid">How the tokens lie before.</param>
    /// <param name="dim">C.</param>
    /// <param name="normEps">ε of the norm.</param>
    /// <param name="compute">Type of the product's inputs.</param>
    public PatchMerging(TokenGrid grid, int dim, float normEps, DataType compute)
    {
        _grid = grid;
        _reduction = Add("reduction", new Linear(4 * dim, 2 * dim, bias: false, compute));
        _norm = Add("norm", new LayerNorm(4 * dim, normEps, compute));
    }

    /// <summary>[B, T·H·W, C] → [B, T·⌈H/2⌉·⌈W/2⌉, 2·C], f32.</summary>
    public override Tensor Forward(Tensor x) => Forward(x, Slots.Attached);

    /// <summary>[B, T·H·W, C] → [B, T·⌈H/2⌉·⌈W/2⌉, 2·C], f32, in a pass with these slots.</summary>
    public Tensor Forward(Tensor x, Slots slots) =>
        _reduction.Forward(_norm.Forward(x.MergePatches(_grid), slots), slots, output: DataType.Float32);
}
