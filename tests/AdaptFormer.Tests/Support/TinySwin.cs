using AdaptFormer.Models;
using AdaptFormer.Models.Swin;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Tests.Support;

/// <summary>Swin transformers that run in no time: two stages, windows of 4, both kinds of padding where the size asks for it.</summary>
internal static class TinySwin
{
    public static readonly SwinConfig Config = new(16, 16, PatchSize: 2, EmbedDim: 8, Depths: [2, 1], NumHeads: [2, 4], WindowSize: 4, MlpRatio: 2);

    public static readonly VideoSwinConfig Video = new(
        4, 16, 16, TubeletSize: 2, PatchSize: 2, EmbedDim: 8, Depths: [2, 1], NumHeads: [2, 4], WindowFrames: 2, WindowSize: 4, MlpRatio: 2);

    /// <summary>A model with random weights; the same seed gives the same.</summary>
    public static SwinTransformer Create(SwinSizes? config = null, int seed = 1, DataType compute = DataType.Float32)
    {
        SwinTransformer model = (config ?? Config).Create("tiny-swin", compute);
        TinyBackbone.Randomize(model, seed, _ => true);
        model.Freeze();
        return model;
    }

    /// <summary>Pixels for a model; the same seed gives the same.</summary>
    public static Tensor Pixels(Backbone model, int batch = 2, int seed = 5)
    {
        Shape shape = new([batch, .. model.InputShape]);
        return Tensor.From(GradCheck.Numbers(new Rng(seed), (int)shape.Length), shape);
    }

    /// <summary>One pass forwards on a tape, up to the loss.</summary>
    public static Tensor Loss(Backbone model, Tape tape, int batch = 4) =>
        model.Forward(tape.Watch(Pixels(model, batch))).SoftmaxCrossEntropy([.. Enumerable.Range(0, batch).Select(i => i % 3)]);
}
