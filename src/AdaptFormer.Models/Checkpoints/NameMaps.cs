namespace AdaptFormer.Models.Checkpoints;

/// <summary>The namings that the product reads and writes.</summary>
public static class NameMaps
{
    /// <summary>timm's own names, which are ours, MAE's and DeiT's too, and those of VideoMAE's fine-tuning.</summary>
    public static NameMap Timm { get; } = new("timm");

    /// <summary>The official AdaptFormer code for images and video: separate query, key and value projections, and fc1, fc2 outside of
    /// <c>mlp</c>.</summary>
    public static NameMap OfficialAdaptFormer { get; } = new(
        "AdaptFormer",
        ("blocks.{i}.attn.qkv.*", ["blocks.{i}.attn.q_proj.*", "blocks.{i}.attn.k_proj.*", "blocks.{i}.attn.v_proj.*"]),
        ("blocks.{i}.mlp.fc1.*", ["blocks.{i}.fc1.*"]),
        ("blocks.{i}.mlp.fc2.*", ["blocks.{i}.fc2.*"]));

    /// <summary>Hugging Face's <c>ViTModel</c> and <c>ViTForImageClassification</c>, without the prefix <c>vit.</c>.</summary>
    public static NameMap HuggingFaceVit { get; } = new(
        "Hugging Face vit",
        ("cls_token", ["embeddings.cls_token"]),
        ("dist_token", ["embeddings.distillation_token"]),
        ("pos_embed", ["embeddings.position_embeddings"]),
        ("patch_embed.proj.*", ["embeddings.patch_embeddings.projection.*"]),
        ("blocks.{i}.norm1.*", ["encoder.layer.{i}.layernorm_before.*"]),
        ("blocks.{i}.attn.qkv.*", ["encoder.layer.{i}.attention.attention.query.*", "encoder.layer.{i}.attention.attention.key.*",
            "encoder.layer.{i}.attention.attention.value.*"]),
        ("blocks.{i}.attn.proj.*", ["encoder.layer.{i}.attention.output.dense.*"]),
        ("blocks.{i}.norm2.*", ["encoder.layer.{i}.layernorm_after.*"]),
        ("blocks.{i}.mlp.fc1.*", ["encoder.layer.{i}.intermediate.dense.*"]),
        ("blocks.{i}.mlp.fc2.*", ["encoder.layer.{i}.output.dense.*"]),
        ("norm.*", ["layernorm.*"]),
        ("pre_logits.fc.*", ["pooler.dense.*"]),
        ("head.*", ["classifier.*"]),
        ("head.*", ["cls_classifier.*"]),
        ("head_dist.*", ["distillation_classifier.*"]))
    { Prefix = "vit." };

    /// <summary>The encoder in a checkpoint of VideoMAE's pre-training: our names under <c>encoder.</c>, beside a decoder.</summary>
    public static NameMap VideoMaePretraining { get; } = new("VideoMAE pre-training") { Prefix = "encoder.", AlwaysPrefixed = true };

    /// <summary>Hugging Face's <c>VideoMAEModel</c> and <c>VideoMAEForVideoClassification</c>, without the prefix
    /// <c>videomae.</c>.</summary>
    public static NameMap HuggingFaceVideoMae { get; } = new(
        "Hugging Face videomae",
        ("patch_embed.proj.*", ["embeddings.patch_embeddings.projection.*"]),
        ("blocks.{i}.norm1.*", ["encoder.layer.{i}.layernorm_before.*"]),
        ("blocks.{i}.attn.qkv.*", ["encoder.layer.{i}.attention.attention.query.*", "encoder.layer.{i}.attention.attention.key.*",
            "encoder.layer.{i}.attention.attention.value.*"]),
        ("blocks.{i}.attn.q_bias", ["encoder.layer.{i}.attention.attention.q_bias"]),
        ("blocks.{i}.attn.v_bias", ["encoder.layer.{i}.attention.attention.v_bias"]),
        ("blocks.{i}.attn.proj.*", ["encoder.layer.{i}.attention.output.dense.*"]),
        ("blocks.{i}.norm2.*", ["encoder.layer.{i}.layernorm_after.*"]),
        ("blocks.{i}.mlp.fc1.*", ["encoder.layer.{i}.intermediate.dense.*"]),
        ("blocks.{i}.mlp.fc2.*", ["encoder.layer.{i}.output.dense.*"]),
        ("norm.*", ["layernorm.*"]),
        ("head.*", ["classifier.*"]))
    { Prefix = "videomae." };

    /// <summary>Hugging Face's <c>Dinov2Model</c>, without the prefix <c>dinov2.</c>.</summary>
    public static NameMap HuggingFaceDinov2 { get; } = new(
        "Hugging Face dinov2",
        ("cls_token", ["embeddings.cls_token"]),
        ("pos_embed", ["embeddings.position_embeddings"]),
        ("reg_token", ["embeddings.register_tokens"]),
        ("mask_token", ["embeddings.mask_token"]),
        ("patch_embed.proj.*", ["embeddings.patch_embeddings.projection.*"]),
        ("blocks.{i}.norm1.*", ["encoder.layer.{i}.norm1.*"]),
        ("blocks.{i}.attn.qkv.*", ["encoder.layer.{i}.attention.attention.query.*", "encoder.layer.{i}.attention.attention.key.*",
            "encoder.layer.{i}.attention.attention.value.*"]),
        ("blocks.{i}.attn.proj.*", ["encoder.layer.{i}.attention.output.dense.*"]),
        ("blocks.{i}.ls1.gamma", ["encoder.layer.{i}.layer_scale1.lambda1"]),
        ("blocks.{i}.norm2.*", ["encoder.layer.{i}.norm2.*"]),
        ("blocks.{i}.mlp.fc1.*", ["encoder.layer.{i}.mlp.fc1.*"]),
        ("blocks.{i}.mlp.fc2.*", ["encoder.layer.{i}.mlp.fc2.*"]),
        ("blocks.{i}.ls2.gamma", ["encoder.layer.{i}.layer_scale2.lambda1"]),
        ("norm.*", ["layernorm.*"]),
        ("head.*", ["classifier.*"]))
    { Prefix = "dinov2." };

    /// <summary>The vision tower of Hugging Face's <c>CLIPModel</c>, without the prefix <c>vision_model.</c>.</summary>
    public static NameMap HuggingFaceClip { get; } = new(
        "Hugging Face clip",
        ("cls_token", ["embeddings.class_embedding"]),
        ("pos_embed", ["embeddings.position_embedding.weight"]),
        ("patch_embed.proj.weight", ["embeddings.patch_embedding.weight"]),
        ("norm_pre.*", ["pre_layrnorm.*"]),       // the spelling is theirs
        ("blocks.{i}.norm1.*", ["encoder.layers.{i}.layer_norm1.*"]),
        ("blocks.{i}.attn.qkv.*", ["encoder.layers.{i}.self_attn.q_proj.*", "encoder.layers.{i}.self_attn.k_proj.*",
            "encoder.layers.{i}.self_attn.v_proj.*"]),
        ("blocks.{i}.attn.proj.*", ["encoder.layers.{i}.self_attn.out_proj.*"]),
        ("blocks.{i}.norm2.*", ["encoder.layers.{i}.layer_norm2.*"]),
        ("blocks.{i}.mlp.fc1.*", ["encoder.layers.{i}.mlp.fc1.*"]),
        ("blocks.{i}.mlp.fc2.*", ["encoder.layers.{i}.mlp.fc2.*"]),
        ("norm.*", ["post_layernorm.*"]))
    {
        Prefix = "vision_model.",
        AlwaysPrefixed = true,
        Squeezed = ["cls_token", "pos_embed"],
    };

    /// <summary>timm's Swin since version 0.9: patch merging stands at the beginning of a stage, and the classifier is
    /// <c>head.fc</c>.</summary>
    public static NameMap TimmSwin { get; } = new(
        "timm swin",
        ("layers.{i}.downsample.norm.*", ["layers.{i+1}.downsample.norm.*"]),
        ("layers.{i}.downsample.reduction.*", ["layers.{i+1}.downsample.reduction.*"]),
        ("head.*", ["head.fc.*"]))
    { Condition = static state => !state.Weights.Keys.Any(name => name.StartsWith("layers.0.downsample.", StringComparison.Ordinal)) };

    /// <summary>Hugging Face's <c>SwinModel</c> and <c>SwinForImageClassification</c>, without the prefix <c>swin.</c>.</summary>
    public static NameMap HuggingFaceSwin { get; } = new(
        "Hugging Face swin",
        ("patch_embed.proj.*", ["embeddings.patch_embeddings.projection.*"]),
        ("patch_embed.norm.*", ["embeddings.norm.*"]),
        ("layers.{i}.blocks.{j}.norm1.*", ["encoder.layers.{i}.blocks.{j}.layernorm_before.*"]),
        ("layers.{i}.blocks.{j}.attn.qkv.*", ["encoder.layers.{i}.blocks.{j}.attention.self.query.*",
            "encoder.layers.{i}.blocks.{j}.attention.self.key.*", "encoder.layers.{i}.blocks.{j}.attention.self.value.*"]),
        ("layers.{i}.blocks.{j}.attn.relative_position_bias_table", [
            "encoder.layers.{i}.blocks.{j}.attention.self.relative_position_bias_table"]),
        ("layers.{i}.blocks.{j}.attn.relative_position_index", ["encoder.layers.{i}.blocks.{j}.attention.self.relative_position_index"]),
        ("layers.{i}.blocks.{j}.attn.proj.*", ["encoder.layers.{i}.blocks.{j}.attention.output.dense.*"]),
        ("layers.{i}.blocks.{j}.norm2.*", ["encoder.layers.{i}.blocks.{j}.layernorm_after.*"]),
        ("layers.{i}.blocks.{j}.mlp.fc1.*", ["encoder.layers.{i}.blocks.{j}.intermediate.dense.*"]),
        ("layers.{i}.blocks.{j}.mlp.fc2.*", ["encoder.layers.{i}.blocks.{j}.output.dense.*"]),
        ("layers.{i}.downsample.norm.*", ["encoder.layers.{i}.downsample.norm.*"]),
        ("layers.{i}.downsample.reduction.*", ["encoder.layers.{i}.downsample.reduction.*"]),
        ("norm.*", ["layernorm.*"]),
        ("head.*", ["classifier.*"]))
    { Prefix = "swin." };

    /// <summary>The authors' Video Swin (mmaction): our names under <c>backbone.</c>, and the classifier <c>cls_head.fc_cls</c> beside
    /// it.</summary>
    public static NameMap OfficialVideoSwin { get; } = new("Video Swin", ("head.*", ["cls_head.fc_cls.*"]))
    { Prefix = "backbone.", AlwaysPrefixed = true };

    /// <summary>torchvision's <c>VisionTransformer</c> (<c>vit_b_16</c> …).</summary>
    public static NameMap Torchvision { get; } = new(
        "torchvision vit",
        ("cls_token", ["class_token"]),
        ("pos_embed", ["encoder.pos_embedding"]),
        ("patch_embed.proj.*", ["conv_proj.*"]),
        ("blocks.{i}.norm1.*", ["encoder.layers.encoder_layer_{i}.ln_1.*"]),
        ("blocks.{i}.attn.qkv.weight", ["encoder.layers.encoder_layer_{i}.self_attention.in_proj_weight"]),
        ("blocks.{i}.attn.qkv.bias", ["encoder.layers.encoder_layer_{i}.self_attention.in_proj_bias"]),
        ("blocks.{i}.attn.proj.*", ["encoder.layers.encoder_layer_{i}.self_attention.out_proj.*"]),
        ("blocks.{i}.norm2.*", ["encoder.layers.encoder_layer_{i}.ln_2.*"]),
        ("blocks.{i}.mlp.fc1.*", ["encoder.layers.encoder_layer_{i}.mlp.0.*"]),
        ("blocks.{i}.mlp.fc2.*", ["encoder.layers.encoder_layer_{i}.mlp.3.*"]),
        ("blocks.{i}.mlp.fc1.*", ["encoder.layers.encoder_layer_{i}.mlp.linear_1.*"]),      // before torchvision 0.14
        ("blocks.{i}.mlp.fc2.*", ["encoder.layers.encoder_layer_{i}.mlp.linear_2.*"]),
        ("norm.*", ["encoder.ln.*"]),
        ("pre_logits.fc.*", ["heads.pre_logits.*"]),
        ("head.*", ["heads.head.*"]));

    /// <summary>mmpretrain's (earlier mmcls's) <c>VisionTransformer</c>, without the prefix <c>backbone.</c>.</summary>
    public static NameMap MmPretrain { get; } = new(
        "mmpretrain vit",
        ("patch_embed.proj.*", ["patch_embed.projection.*"]),
        ("blocks.{i}.norm1.*", ["layers.{i}.ln1.*"]),
        ("blocks.{i}.attn.qkv.*", ["layers.{i}.attn.qkv.*"]),
        ("blocks.{i}.attn.proj.*", ["layers.{i}.attn.proj.*"]),
        ("blocks.{i}.norm2.*", ["layers.{i}.ln2.*"]),
        ("blocks.{i}.mlp.fc1.*", ["layers.{i}.ffn.layers.0.0.*"]),
        ("blocks.{i}.mlp.fc2.*", ["layers.{i}.ffn.layers.1.*"]),
        ("norm.*", ["ln1.*"]),
        ("fc_norm.*", ["ln2.*"]),       // with the mean of the patch tokens
        ("pre_logits.fc.*", ["head.layers.pre_logits.*"]),
        ("head.*", ["head.layers.head.*"]),
        ("head.*", ["head.fc.*"]))
    { Prefix = "backbone.", AlwaysPrefixed = true };

    /// <summary>The authors' DINOv2 with registers: timm's names but for theirs.</summary>
    public static NameMap DinoV2 { get; } = new("DINOv2", ("reg_token", ["register_tokens"]));

    /// <summary>The authors' DeiT III: timm's names, and factors of a block's branches beside it.</summary>
    public static NameMap DeitThree { get; } = new(
        "DeiT III",
        ("blocks.{i}.ls1.gamma", ["blocks.{i}.gamma_1"]),
        ("blocks.{i}.ls2.gamma", ["blocks.{i}.gamma_2"]));

    private static readonly OrderedDictionary<string, NameMap> ByName = new(StringComparer.Ordinal)
    {
        ["timm"] = Timm,
        ["mae"] = Timm,
        ["deit"] = Timm,
        ["videomae"] = Timm,
        ["adaptformer"] = OfficialAdaptFormer,
        ["videomae-pretrain"] = VideoMaePretraining,
        ["huggingface"] = HuggingFaceVit,
        ["huggingface-videomae"] = HuggingFaceVideoMae,
        ["huggingface-dinov2"] = HuggingFaceDinov2,
        ["huggingface-clip"] = HuggingFaceClip,
        ["swin"] = Timm,
        ["timm-swin"] = TimmSwin,
        ["huggingface-swin"] = HuggingFaceSwin,
        ["video-swin"] = OfficialVideoSwin,
        ["torchvision"] = Torchvision,
        ["mmpretrain"] = MmPretrain,
        ["deit3"] = DeitThree,
        ["dinov2"] = DinoV2,
    };

    /// <summary>The short names of all namings; some have several.</summary>
    public static IReadOnlyCollection<string> Known => ByName.Keys;

    /// <summary>The naming with this short name, one of <see cref="Known"/>.</summary>
    /// <exception cref="ArgumentException">There is none; the message lists those that are there.</exception>
    public static NameMap Get(string name) => ByName.TryGetValue(name, out NameMap? map)
        ? map
        : throw new ArgumentException($"Naming '{name}' is not known; known: {string.Join(", ", Known)}.");

    /// <summary>All of them; the first is the one that a file without any foreign name has.</summary>
    public static IReadOnlyList<NameMap> All { get; } = [.. ByName.Values.Distinct()];
}
