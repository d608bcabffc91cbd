using AdaptFormer.Tensors;

namespace AdaptFormer.Models;

/// <summary>The tokens behind one block, for heads that answer in places: segmentation, detection.</summary>
/// <param name="Block">The block, counted from 0.</param>
/// <param name="Tokens">The residual stream, [B, F + N, C], f32, without a norm.</param>
/// <param name="Grid">How the last N tokens lie in space and time.</param>
public sealed record TokenMap(int Block, Tensor Tokens, TokenGrid Grid)
{
    /// <summary>F, how many tokens without a place stand ahead of the grid's: a class token, prompts that stay.</summary>
    public int Front => Tokens.Shape[1] - Grid.Count;
}
