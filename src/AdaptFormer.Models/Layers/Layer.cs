using AdaptFormer.Tensors;

namespace AdaptFormer.Models.Layers;

/// <summary>A module that is a function of one tensor.</summary>
public abstract class Layer : Module, ISeamFiller<Layer>
{
    /// <summary>Maps an input to an output; shapes are the subclass's.</summary>
    public abstract Tensor Forward(Tensor x);

    static Layer ISeamFiller<Layer>.Mix(IReadOnlyList<TaskRun<Layer>> runs) => new Layers.MixedLayer(runs);
}
