using AdaptFormer.Models;
using AdaptFormer.Models.Vit;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Tests.Support;

/// <summary>A vision transformer that runs in no time, and a batch for it.</summary>
internal static class TinyVit
{
    public const int Batch = 4, Classes = 5;

    public static readonly VitConfig Config = new(ImgHeight: 16, ImgWidth: 16, PatchSize: 4, EmbedDim: 24, Depth: 3, NumHeads: 4, MlpRatio: 2);

    public static VisionTransformer Create(VitConfig? config = null, DataType compute = DataType.Float32)
    {
        VisionTransformer model = new("tiny", config ?? Config, compute);
        model.Initialize(new Rng(11));
        return model;
    }

    /// <summary>The same pixels every time, owned by the caller's scope.</summary>
    public static Tensor Pixels(int seed = 5)
    {
        Shape shape = new(Batch, 3, 16, 16);
        return Tensor.From(GradCheck.Numbers(new Rng(seed), (int)shape.Length), shape);
    }

    public static readonly int[] Labels = [0, 3, 1, 4];

    /// <summary>One pass forwards on a tape, up to the loss.</summary>
    public static Tensor Loss(Backbone model, Tape tape) => model.Forward(tape.Watch(Pixels())).SoftmaxCrossEntropy(Labels);
}
