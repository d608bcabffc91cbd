using AdaptFormer.Tensors;

namespace AdaptFormer.Models.Layers;

/// <summary>The tuning seam beside a linear layer: what is added to its output, a function of its input (LoRA).</summary>
public abstract class LinearDelta : Module
{
    /// <summary>y + scale·Δ(x).</summary>
    /// <param name="y">The layer's result, [..., O], residual included; nobody else reads it, so its memory may be taken.</param>
    /// <param name="x">The layer's input, [..., I].</param>
    /// <param name="scale">Factor on the layer's own part of y.</param>
    /// <returns>The shape and type of y.</returns>
    public abstract Tensor AddTo(Tensor y, Tensor x, float scale);

    /// <summary>Not used: a delta needs the output that it is added to.</summary>
    /// <exception cref="InvalidOperationException">Always.</exception>
    public sealed override Tensor Forward(Tensor x) => throw new InvalidOperationException("LinearDelta: call AddTo with the layer's output.");
}
