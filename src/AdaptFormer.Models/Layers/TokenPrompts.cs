using AdaptFormer.Tensors;

namespace AdaptFormer.Models.Layers;

/// <summary>What fills the tuning seam in the token space: tokens of a method's own that join the sequence ahead of blocks (VPT).</summary>
public abstract class TokenPrompts : Module, ISeamFiller<TokenPrompts>
{
    /// <summary>
    /// How many tokens join, and whether they stay from block to block. Samples whose prompts have the same layout can share a pass.
    /// </summary>
    public abstract (int Count, bool Stay) Layout { get; }

    /// <summary>Called ahead of block <paramref name="block"/>; returns the tokens with those of the method.</summary>
    public abstract Tensor Enter(int block, Tensor x);

    /// <summary>Called after block <paramref name="block"/>; takes tokens out again that must not stay.</summary>
    public abstract Tensor Leave(int block, Tensor x);

    static TokenPrompts ISeamFiller<TokenPrompts>.Mix(IReadOnlyList<TaskRun<TokenPrompts>> runs) => new MixedPrompts(runs);
}
