using AdaptFormer.Models;
using AdaptFormer.Tensors;

namespace AdaptFormer.Training.Optimizers;

/// <summary>
/// Layer-wise learning rates: the head and the last norm have the whole rate, block i of depth L (from 0) γ^(L − i) of it, and what comes
/// ahead of the blocks γ^(L + 1).
/// </summary>
/// <remarks>The rule of BEiT and MAE's fine-tuning. What a method adds to a block goes with that block.</remarks>
internal static class LayerDecay
{
    private static readonly string[] Ahead = ["patch_embed.", "cls_token", "pos_embed", "dist_token"];

    /// <summary>The factor of every trainable parameter.</summary>
    /// <param name="model">The model.</param>
    /// <param name="decay">γ, in (0, 1]; null is 1.</param>
    public static Func<string, Parameter, double> For(Backbone model, double? decay)
    {
        if (decay is not { } gamma) return static (_, _) => 1;
        int depth = model.Blocks.Count;
        Dictionary<Parameter, int> blockOf = [];
        for (int i = 0; i < depth; i++)
        {
            foreach ((_, Parameter parameter) in model.Blocks[i].Parameters()) blockOf[parameter] = i;
        }

        return (name, parameter) => blockOf.TryGetValue(parameter, out int block) ? Math.Pow(gamma, depth - block)
            : Array.Exists(Ahead, start => name.StartsWith(start, StringComparison.Ordinal)) ? Math.Pow(gamma, depth + 1) : 1;
    }
}
