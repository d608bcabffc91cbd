using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Models.Layers;
using AdaptFormer.Models.Vit;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Files;

namespace AdaptFormer.Tests.Support;

/// <summary>A small backbone in a file, for tests of what is attached to one.</summary>
internal static class TinyBackbone
{
    public static readonly VitConfig Config = new(16, 16, 8, EmbedDim: 16, Depth: 3, NumHeads: 2, MlpRatio: 2);

    /// <summary>Writes a backbone with random weights into <paramref name="folder"/>; the same seed gives the same weights.</summary>
    public static string Save(TestFolder folder, int seed = 1, string name = "backbone.safetensors", VitConfig? config = null)
    {
        using VisionTransformer model = new("tiny", config ?? Config);
        Randomize(model, seed, _ => true);
        CheckpointConverter.Save(folder.PathOf(name), StateDict.Of(model), new WeightsCard(Preprocessing.ImageNet(model.Config.ImgHeight)));
        return folder.PathOf(name);
    }

    /// <summary>Opens such a file.</summary>
    public static Backbone Open(string path, VitConfig? config = null, DataType compute = DataType.Float32) =>
        BackboneLoader.Open(path, new(Config: config ?? Config, Compute: compute));

    /// <summary>Gives numbers to every parameter and buffer that <paramref name="which"/> names, as training would.</summary>
    public static void Randomize(Module model, int seed, Predicate<string> which)
    {
        Rng rng = new(seed);
        foreach ((string name, (Parameter tensor, bool isBuffer)) in model.State())
        {
            if (!which(name)) continue;
            bool scale = (name.Contains("norm") && name.EndsWith("weight", StringComparison.Ordinal)) || name.EndsWith("ssf.scale", StringComparison.Ordinal) || name.EndsWith("ia3.scale", StringComparison.Ordinal);
            bool positive = name.EndsWith("running_var", StringComparison.Ordinal) || name.EndsWith("num_batches_tracked", StringComparison.Ordinal);
            float[] values = new float[tensor.Length];
            for (int i = 0; i < values.Length; i++) values[i] = positive ? 3 : (scale ? 1 : 0) + (0.2f * (float)rng.NextNormal());
            tensor.Assign(values);
        }
    }

    /// <summary>The answer to fixed pixels.</summary>
    public static float[] Logits(Backbone model)
    {
        using TensorScope scope = new();
        Tensor pixels = Tensor.Empty(new Shape([2, .. model.InputShape]));
        Rng rng = new(9);
        foreach (ref float value in pixels.Span) value = (float)rng.NextNormal();
        return model.Forward(pixels).ToArray();
    }
}
