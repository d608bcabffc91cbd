using AdaptFormer.Tensors;

namespace AdaptFormer.Models.Layers;

/// <summary>What fills the tuning seam beside a linear layer: it is added to the output, a function of the input (LoRA).</summary>
public abstract class LinearDelta : Module, ISeamFiller<LinearDelta>
{
    /// <summary>y + scale·Δ(x).</summary>
    /// <param name="y">The layer's result, [..., O], residual included; nobody else reads it, so its memory may be taken.</param>
    /// <param name="x">The layer's input, [..., I].</param>
    /// <param name="scale">Factor on the layer's own part of y.</param>
    /// <returns>The shape and type of y.</returns>
    public abstract Tensor AddTo(Tensor y, Tensor x, float scale);

    static LinearDelta ISeamFiller<LinearDelta>.Mix(IReadOnlyList<TaskRun<LinearDelta>> runs) => new MixedLinearDelta(runs);
}
