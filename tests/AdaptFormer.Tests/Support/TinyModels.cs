using AdaptFormer.Models;
using AdaptFormer.Models.Layers;
using AdaptFormer.Models.Vit;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Tests.Support;

/// <summary>A model of every family that runs in no time, by the name that the documentation gives it.</summary>
internal static class TinyModels
{
    public const int Batch = 4, Classes = 4;

    public static readonly IReadOnlyDictionary<string, BackboneConfig> All = new Dictionary<string, BackboneConfig>
    {
        ["ViT"] = TinyVit.Config,
        ["ViT, mean"] = TinyVit.Config with { GlobalPool = true },
        ["DINOv2"] = TinyVit.Config with { LayerScale = true },
        ["CLIP"] = TinyVit.Config with { PreNorm = true, PatchBias = false, Activation = MlpActivation.QuickGelu },
        ["Video ViT"] = new VideoVitConfig(NumFrames: 4, ImgHeight: 16, ImgWidth: 16, PatchSize: 8, EmbedDim: 24, Depth: 3, NumHeads: 4, MlpRatio: 2),
        ["Swin"] = TinySwin.Config,
        ["Video Swin"] = TinySwin.Video,
    };

    /// <summary>The model with random numbers in every weight.</summary>
    public static Backbone Create(string name, DataType compute = DataType.Float32)
    {
        Backbone model = All[name].Create(name, compute);
        TinyBackbone.Randomize(model, 11, _ => true);
        return model;
    }

    /// <summary>The same inputs every time, owned by the caller's scope.</summary>
    public static Tensor Pixels(Backbone model)
    {
        Shape shape = new([Batch, .. model.InputShape]);
        return Tensor.From(GradCheck.Numbers(new Rng(5), (int)shape.Length), shape);
    }

    /// <summary>One pass forwards on a tape, up to the loss.</summary>
    public static Tensor Loss(Backbone model, Tape tape) => model.Forward(tape.Watch(Pixels(model))).SoftmaxCrossEntropy([0, 3, 1, 2]);
}
