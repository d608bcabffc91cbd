namespace AdaptFormer.Models.Checkpoints;

/// <summary>The namings that the product reads and writes.</summary>
public static class NameMaps
{
    /// <summary>timm's own names, which are ours, MAE's and DeiT's too, and those of VideoMAE's fine-tuning.</summary>
    public static NameMap Timm { get; } = new("timm");

    /// <summary>The official AdaptFormer code for images and video: separate query, key and value projections, and fc1, fc2 outside of <c>mlp</c>.</summary>
    public static NameMap OfficialAdaptFormer { get; } = new(
        "AdaptFormer",
        ("blocks.{i}.attn.qkv.*", ["blocks.{i}.attn.q_proj.*", "blocks.{i}.attn.k_proj.*", "blocks.{i}.attn.v_proj.*"]),
        ("blocks.{i}.mlp.fc1.*", ["blocks.{i}.fc1.*"]),
        ("blocks.{i}.mlp.fc2.*", ["blocks.{i}.fc2.*"]));

    /// <summary>Hugging Face's <c>ViTModel</c> and <c>ViTForImageClassification</c>, without the prefix <c>vit.</c>.</summary>
    public static NameMap HuggingFaceVit { get; } = new(
        "Hugging Face vit",
        ("cls_token", ["embeddings.cls_token"]),
        ("pos_embed", ["embeddings.position_embeddings"]),
        ("patch_embed.proj.*", ["embeddings.patch_embeddings.projection.*"]),
        ("blocks.{i}.norm1.*", ["encoder.layer.{i}.layernorm_before.*"]),
        ("blocks.{i}.attn.qkv.*", ["encoder.layer.{i}.attention.attention.query.*", "encoder.layer.{i}.attention.attention.key.*", "encoder.layer.{i}.attention.attention.value.*"]),
        ("blocks.{i}.attn.proj.*", ["encoder.layer.{i}.attention.output.dense.*"]),
        ("blocks.{i}.norm2.*", ["encoder.layer.{i}.layernorm_after.*"]),
        ("blocks.{i}.mlp.fc1.*", ["encoder.layer.{i}.intermediate.dense.*"]),
        ("blocks.{i}.mlp.fc2.*", ["encoder.layer.{i}.output.dense.*"]),
        ("norm.*", ["layernorm.*"]),
        ("pre_logits.fc.*", ["pooler.dense.*"]),
        ("head.*", ["classifier.*"])) { Prefix = "vit." };

    /// <summary>The encoder in a checkpoint of VideoMAE's pre-training: our names under <c>encoder.</c>, beside a decoder.</summary>
    public static NameMap VideoMaePretraining { get; } = new("VideoMAE pre-training") { Prefix = "encoder.", AlwaysPrefixed = true };

    /// <summary>Hugging Face's <c>VideoMAEModel</c> and <c>VideoMAEForVideoClassification</c>, without the prefix <c>videomae.</c>.</summary>
    public static NameMap HuggingFaceVideoMae { get; } = new(
        "Hugging Face videomae",
        ("patch_embed.proj.*", ["embeddings.patch_embeddings.projection.*"]),
        ("blocks.{i}.norm1.*", ["encoder.layer.{i}.layernorm_before.*"]),
        ("blocks.{i}.attn.qkv.*", ["encoder.layer.{i}.attention.attention.query.*", "encoder.layer.{i}.attention.attention.key.*", "encoder.layer.{i}.attention.attention.value.*"]),
        ("blocks.{i}.attn.q_bias", ["encoder.layer.{i}.attention.attention.q_bias"]),
        ("blocks.{i}.attn.v_bias", ["encoder.layer.{i}.attention.attention.v_bias"]),
        ("blocks.{i}.attn.proj.*", ["encoder.layer.{i}.attention.output.dense.*"]),
        ("blocks.{i}.norm2.*", ["encoder.layer.{i}.layernorm_after.*"]),
        ("blocks.{i}.mlp.fc1.*", ["encoder.layer.{i}.intermediate.dense.*"]),
        ("blocks.{i}.mlp.fc2.*", ["encoder.layer.{i}.output.dense.*"]),
        ("norm.*", ["layernorm.*"]),
        ("head.*", ["classifier.*"])) { Prefix = "videomae." };

    /// <summary>
    /// The naming with this short name: <c>timm</c> (also <c>mae</c>, <c>deit</c>, <c>videomae</c>), <c>adaptformer</c>, <c>videomae-pretrain</c>, <c>huggingface</c>,
    /// <c>huggingface-videomae</c>.
    /// </summary>
    /// <exception cref="ArgumentException">There is none; the message lists those that are there.</exception>
    public static NameMap Get(string name) => name switch
    {
        "timm" or "mae" or "deit" or "videomae" => Timm,
        "adaptformer" => OfficialAdaptFormer,
        "videomae-pretrain" => VideoMaePretraining,
        "huggingface" => HuggingFaceVit,
        "huggingface-videomae" => HuggingFaceVideoMae,
        _ => throw new ArgumentException($"Naming '{name}' is not known; known: timm (also mae, deit, videomae), adaptformer, videomae-pretrain, huggingface, huggingface-videomae."),
    };

    /// <summary>All of them; the first is the one that a file without any foreign name has.</summary>
    public static IReadOnlyList<NameMap> All { get; } = [Timm, OfficialAdaptFormer, VideoMaePretraining, HuggingFaceVit, HuggingFaceVideoMae];
}
