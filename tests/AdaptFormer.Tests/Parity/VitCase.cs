using System.Text.Json;
using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Models.Layers;
using AdaptFormer.Models.Vit;
using AdaptFormer.Peft;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Support;

namespace AdaptFormer.Tests.Parity;

/// <summary>Builds the model and the method that a golden file of an image or video ViT describes, with the file's weights.</summary>
internal static class VitCase
{
    public static Backbone Build(ParityCase golden, DataType compute = DataType.Float32)
    {
        Backbone vit = Sizes(golden).Create(golden.Config.GetProperty("case").GetString()!, compute);
        Tuning(golden).Attach(vit, golden.Config.GetProperty("model").GetProperty("num_classes").GetInt32(), new Rng(0));
        if (!golden.Config.TryGetProperty("tuning_config", out _)) foreach (Module norm in vit.HeadNorms) norm.Freeze();
        WeightLoader.Load(vit, Weights(golden, "param/"), vit.Id);
        return vit;
    }

    /// <summary>The sizes that the file describes.</summary>
    public static BackboneConfig Sizes(ParityCase golden)
    {
        JsonElement model = golden.Config.GetProperty("model");
        JsonElement size = model.GetProperty("img_size");
        (int height, int width) = size.ValueKind == JsonValueKind.Number ? (size.GetInt32(), size.GetInt32()) : (size[0].GetInt32(), size[1].GetInt32());
        return model.TryGetProperty("all_frames", out JsonElement frames)
            ? Video(model, frames.GetInt32(), height, width)
            : new VitConfig(
                height, width, model.GetProperty("patch_size").GetInt32(), model.GetProperty("embed_dim").GetInt32(),
                model.GetProperty("depth").GetInt32(), model.GetProperty("num_heads").GetInt32(), model.GetProperty("mlp_ratio").GetDouble(),
                model.GetProperty("qkv_bias").GetBoolean(), model.GetProperty("norm_eps").GetSingle(),
                GlobalPool: model.TryGetProperty("global_pool", out JsonElement pool) && pool.GetBoolean());
    }

    private static VideoVitConfig Video(JsonElement model, int frames, int height, int width) => new(
        frames, height, width, model.GetProperty("tubelet_size").GetInt32(), model.GetProperty("patch_size").GetInt32(), model.GetProperty("embed_dim").GetInt32(),
        model.GetProperty("depth").GetInt32(), model.GetProperty("num_heads").GetInt32(), model.GetProperty("mlp_ratio").GetDouble(), NormEps: model.GetProperty("norm_eps").GetSingle());

    /// <summary>The file's tensors whose names begin with <paramref name="prefix"/>, under our names.</summary>
    public static StateDict Weights(ParityCase golden, string prefix)
    {
        StateDict theirs = new();
        foreach (string name in golden.Names.Where(name => name.StartsWith(prefix, StringComparison.Ordinal)))
        {
            theirs.Add(name[prefix.Length..], new StateDict.Weight(new Shape(golden.Shape(name)), destination => golden.Floats(name).CopyTo(destination)));
        }

        return NameMaps.All.MaxBy(map => map.Hits(theirs))!.ToOurs(theirs);
    }

    private static Tuning Tuning(ParityCase golden)
    {
        JsonElement config = golden.Config;
        bool batchNorm = config.TryGetProperty("head", out JsonElement head) && head.GetString()!.Contains("BatchNorm");
        HeadKind kind = batchNorm ? HeadKind.BatchNorm : HeadKind.Plain;
        if (!config.TryGetProperty("tuning_config", out JsonElement tuning)) return new LinearProbe(kind);
        if (config.TryGetProperty("fulltune", out JsonElement full) && full.GetBoolean()) return new FullTuning(kind);
        if (tuning.GetProperty("vpt_on").GetBoolean()) return new VptTuning(tuning.GetProperty("vpt_num").GetInt32(), Head: kind);
        if (!tuning.GetProperty("ffn_adapt").GetBoolean()) return new LinearProbe(kind);

        AdaptFormerTuning adapter = Adapter(tuning, kind) with { Dropout = golden.Names.Contains("input/dropout_mask_0") ? 0.1f : 0, Form = Form(golden) };
        if (!config.TryGetProperty("variant", out JsonElement variant)) return adapter;
        return variant.GetString() == "adapter input = norm2(x)" ? adapter with { Input = AdapterInput.SharedNorm } : throw new InvalidDataException($"variant '{variant}' is not known");
    }

    /// <summary>The adapter that a file's options name.</summary>
    public static AdaptFormerTuning Adapter(JsonElement tuning, HeadKind head)
    {
        string scale = tuning.GetProperty("ffn_adapter_scalar").GetString()!;
        bool learned = scale == "learnable_scalar";
        AdapterInput input = (tuning.TryGetProperty("ffn_adapter_layernorm_option", out JsonElement option) ? option.GetString() : "none") switch
        {
            "in" => AdapterInput.OwnNormIn,
            "out" => AdapterInput.OwnNormOut,
            "none" => AdapterInput.Residual,
            string other => throw new InvalidDataException($"ffn_adapter_layernorm_option '{other}' is not known"),
            null => throw new InvalidDataException("ffn_adapter_layernorm_option is null"),
        };
        bool sequential = tuning.TryGetProperty("ffn_option", out JsonElement place) && place.GetString() == "sequential";
        return new AdaptFormerTuning(
            tuning.GetProperty("ffn_num").GetInt32(), learned ? 1 : float.Parse(scale), learned, sequential ? AdapterPosition.Sequential : AdapterPosition.Parallel, input, Dropout: 0, Head: head);
    }

    private static AdapterForm Form(ParityCase golden) =>
        golden.Names.Any(name => name.Contains("adaptmlp.down_conv")) ? AdapterForm.Conv
        : golden.Names.Any(name => name.Contains("adaptmlp.dwconv")) ? AdapterForm.Dwconv : AdapterForm.Mlp;
}
