using System.Text.Json;
using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Models.Layers;
using AdaptFormer.Models.Swin;
using AdaptFormer.Peft;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Support;

namespace AdaptFormer.Tests.Parity;

/// <summary>Builds the model and the method that a golden file of a Swin or Video Swin describes, with the file's weights.</summary>
internal static class SwinCase
{
    public static Backbone Build(ParityCase golden, DataType compute = DataType.Float32)
    {
        Backbone model = Config(golden).Create(golden.Config.GetProperty("case").GetString()!, compute);
        Tuning(golden).Attach(model, golden.Config.GetProperty("model").GetProperty("num_classes").GetInt32(), new Rng(0));
        WeightLoader.Load(model, VitCase.Weights(golden, "param/"), model.Id, ignore: BackboneFamily.IsComputed);
        return model;
    }

    /// <summary>The sizes that the file describes.</summary>
    public static SwinSizes Config(ParityCase golden)
    {
        JsonElement model = golden.Config.GetProperty("model");
        if (!model.GetProperty("patch_norm").GetBoolean()) throw new InvalidDataException("a Swin without patch_norm is not known");
        int[] depths = Ints(model.GetProperty("depths")), heads = Ints(model.GetProperty("num_heads")), patch = Ints(model.GetProperty("patch_size")), window = Ints(model.GetProperty("window_size"));
        int dim = model.GetProperty("embed_dim").GetInt32();
        (double ratio, bool bias, float eps) = (model.GetProperty("mlp_ratio").GetDouble(), model.GetProperty("qkv_bias").GetBoolean(), model.GetProperty("norm_eps").GetSingle());
        int[] pixels = golden.Shape("input/x");
        return pixels.Length == 4
            ? new SwinConfig(pixels[2], pixels[3], patch[0], dim, depths, heads, window[0], ratio, bias, eps)
            : new VideoSwinConfig(pixels[2], pixels[3], pixels[4], patch[0], patch[1], dim, depths, heads, window[0], window[1], ratio, bias, eps);
    }

    private static int[] Ints(JsonElement value) => value.ValueKind == JsonValueKind.Number ? [value.GetInt32()] : [.. value.EnumerateArray().Select(v => v.GetInt32())];

    private static Tuning Tuning(ParityCase golden)
    {
        JsonElement tuning = golden.Config.GetProperty("tuning");
        string head = golden.Config.TryGetProperty("head", out JsonElement given) && given.ValueKind == JsonValueKind.String ? given.GetString()! : golden.Config.GetProperty("model").GetProperty("head").GetString()!;
        HeadKind kind = head.Contains("BatchNorm") ? HeadKind.BatchNorm : HeadKind.Plain;
        return tuning.GetProperty("mode").GetString() switch
        {
            "adapter" => VitCase.Adapter(tuning, kind),
            "full" => new FullTuning(kind),
            "linear" or "none" => new LinearProbe(kind),
            string other => throw new InvalidDataException($"tuning mode '{other}' is not known"),
            null => throw new InvalidDataException("the tuning mode is null"),
        };
    }

    /// <summary>The original's stages hand clips on with features ahead of time and space, [B, C, T, H, W].</summary>
    public static float[]? Arranged(ParityCase golden, string name, Tensor value)
    {
        int[] shape = golden.Shape($"out/{name}");
        if (shape.Length != 5 || name.Contains("block", StringComparison.Ordinal) || name == "norm") return null;
        (float[] ours, int b, int n, int c) = (value.ToArray(), value.Shape[0], value.Shape[1], value.Shape[2]);
        float[] theirs = new float[ours.Length];
        for (int i = 0; i < ours.Length; i++) theirs[(((i / (n * c) * c) + (i % c)) * n) + (i / c % n)] = ours[i];
        return theirs;
    }
}
