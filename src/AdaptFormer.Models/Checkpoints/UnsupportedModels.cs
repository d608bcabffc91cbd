using AdaptFormer.Files;

namespace AdaptFormer.Models.Checkpoints;

/// <summary>
/// Vision transformers whose blocks compute something that ours do not. They are refused by their own names, with what is missing: their
/// weights would fit no sizes, or would
/// fit and answer wrongly.
/// </summary>
internal static class UnsupportedModels
{
    // In this order: the first that fits names the model.
    private static readonly (string Model, string Missing, string[] Words)[] Known =
    [
        ("DINOv3", "rotary positions (RoPE) in the attention", ["rope_embed.periods", "storage_tokens"]),
        ("DINOv3", "rotary positions (RoPE) in the attention", ["embeddings.register_tokens", "layer_scale1.lambda1",
            "attention.o_proj.weight"]),
        ("DINOv3", "rotary positions (RoPE) in the attention", ["blocks.0.gamma_1", "reg_token"]),
        ("CaiT", "class attention", ["blocks_token_only."]),
        ("EVA-02", "the gated feed-forward layer (SwiGLU) and rotary positions (RoPE)", ["mlp.fc1_g.weight"]),
        ("EVA-02", "the gated feed-forward layer (SwiGLU) and rotary positions (RoPE)", ["attn.rope.freqs_cos"]),
        ("a transformer with a gated feed-forward layer (SwiGLU)", "that layer", ["mlp.w12.weight"]),
        ("a transformer with a gated feed-forward layer (SwiGLU)", "that layer", ["mlp.weights_in.weight"]),
        ("SigLIP", "attention pooling (head.probe)", ["head.probe", "head.attention.in_proj_weight"]),
        ("BEiT", "relative position biases shared by blocks", ["rel_pos_bias.relative_position_bias_table"]),
        ("BEiT", "relative position biases in a plain transformer", ["blocks.0.attn.relative_position_bias_table", "blocks.0.gamma_1"]),
        ("EVA or BEiT", "their names of the layer scale and their attention's biases", ["blocks.0.gamma_1", "blocks.0.attn.q_bias"]),
        ("a transformer with normalised queries and keys", "that norm (q_norm, k_norm)", ["attn.q_norm.weight"]),
        ("a hybrid transformer", "a convolutional stem ahead of the patches", ["patch_embed.backbone."]),
    ];

    /// <summary>Throws when the names are those of a model that is known and not supported.</summary>
    /// <param name="file">The file's weights, under its own names.</param>
    /// <param name="path">For messages.</param>
    /// <exception cref="InvalidDataException">They are.</exception>
    public static void Refuse(StateDict file, string path)
    {
        foreach ((string model, string missing, string[] words) in Known)
        {
            if (!words.All(word => file.Weights.Keys.Any(name => name.Contains(word, StringComparison.Ordinal)))) continue;
            throw Error(path, model, missing, words[0]);
        }

        // DINOv2's giant size in timm: both halves of the gated layer in one matrix.
        foreach ((string name, StateDict.Weight weight) in file.Weights)
        {
            if (!name.EndsWith("blocks.0.mlp.fc1.weight", StringComparison.Ordinal) || weight.Shape.Rank != 2) continue;
            string second = name.Replace("fc1.weight", "fc2.weight", StringComparison.Ordinal);
            if (file.Weights.TryGetValue(second, out StateDict.Weight? fc2) && fc2.Shape is { Rank: 2 } shape
                && 2 * shape[1] == weight.Shape[0])
                throw Error(path, "a transformer with a gated feed-forward layer (SwiGLU)", "that layer", second);
        }
    }

    private static InvalidDataException Error(string path, string model, string missing, string word) =>
        new($"{path}: it holds {model} ('{BadFile.Shorten(word)}'), and {missing} "
        + $"{(missing.Contains(" and ", StringComparison.Ordinal) ? "are" : "is")} not supported.");
}
