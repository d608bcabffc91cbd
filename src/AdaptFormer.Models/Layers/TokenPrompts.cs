using AdaptFormer.Tensors;

namespace AdaptFormer.Models.Layers;

/// <summary>The tuning seam in the token space: tokens of a method's own that join the sequence ahead of blocks (VPT).</summary>
public abstract class TokenPrompts : Module
{
    /// <summary>Called ahead of block <paramref name="block"/>; returns the tokens with those of the method.</summary>
    public abstract Tensor Enter(int block, Tensor x);

    /// <summary>Called after block <paramref name="block"/>; takes tokens out again that must not stay.</summary>
    public abstract Tensor Leave(int block, Tensor x);

    /// <summary>Not used: prompts act around blocks.</summary>
    /// <exception cref="InvalidOperationException">Always.</exception>
    public sealed override Tensor Forward(Tensor x) => throw new InvalidOperationException("TokenPrompts: call Enter and Leave around a block.");
}
