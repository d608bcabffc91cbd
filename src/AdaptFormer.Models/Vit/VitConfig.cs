using System.Text.Json;

namespace AdaptFormer.Models.Vit;

/// <summary>The sizes of a plain vision transformer, in the field's words.</summary>
/// <param name="ImgHeight">H in pixels, a multiple of the patch size.</param>
/// <param name="ImgWidth">W in pixels, a multiple of the patch size.</param>
/// <param name="PatchSize">p: a patch is p×p pixels.</param>
/// <param name="EmbedDim">C.</param>
/// <param name="Depth">Number of blocks.</param>
/// <param name="NumHeads">Attention heads; divides C.</param>
/// <param name="MlpRatio">Units of the feed-forward layer as a multiple of C.</param>
/// <param name="QkvBias">Whether the fused projection has a bias.</param>
/// <param name="NormEps">ε of all norms.</param>
/// <param name="GlobalPool">Mean of the patch tokens and <c>fc_norm</c> instead of <c>norm</c> and the class token (MAE fine-tuning).</param>
/// <param name="PreLogits">Size of a tanh layer ahead of the head (ImageNet-21k weights); 0 for none.</param>
/// <param name="DropPath">Stochastic depth of the last block; earlier ones get a linear share.</param>
public sealed record VitConfig(
    int ImgHeight = 224, int ImgWidth = 224, int PatchSize = 16, int EmbedDim = 768, int Depth = 12, int NumHeads = 12,
    double MlpRatio = 4, bool QkvBias = true, float NormEps = 1e-6f, bool GlobalPool = false, int PreLogits = 0, float DropPath = 0)
{
    /// <summary>A configuration from JSON with snake_case keys, for example <c>{"embed_dim": 96, "depth": 6, "num_heads": 3}</c>; what is left out keeps its default.</summary>
    /// <param name="json">The text.</param>
    /// <param name="source">What to call it in messages.</param>
    /// <exception cref="InvalidDataException">It is not such JSON, or has an unknown key.</exception>
    /// <exception cref="ArgumentException">The sizes contradict each other.</exception>
    public static VitConfig FromJson(string json, string source = "ViT configuration")
    {
        try
        {
            VitConfig config = JsonSerializer.Deserialize(json, ModelsJson.Default.VitConfig) ?? throw new InvalidDataException($"{source}: null is no configuration.");
            config.Validate();
            return config;
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{source}: {e.Message}", e);
        }
    }

    /// <summary>The configuration as JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, ModelsJson.Default.VitConfig);

    /// <summary>Patches along the height.</summary>
    public int GridHeight => ImgHeight / PatchSize;

    /// <summary>Patches along the width.</summary>
    public int GridWidth => ImgWidth / PatchSize;

    /// <summary>Tokens of an image, class token included.</summary>
    public int Tokens => (GridHeight * GridWidth) + 1;

    /// <summary>Units of the feed-forward layer.</summary>
    public int MlpHidden => (int)(EmbedDim * MlpRatio);

    /// <summary>Throws when the sizes contradict each other, naming all contradictions.</summary>
    /// <exception cref="ArgumentException">A size is not positive, or does not divide what it must divide.</exception>
    public void Validate()
    {
        List<string> faults = [];
        if (PatchSize <= 0 || ImgHeight <= 0 || ImgWidth <= 0 || EmbedDim <= 0 || Depth <= 0 || NumHeads <= 0 || MlpRatio <= 0 || PreLogits < 0)
            faults.Add("every size must be positive");
        else
        {
            if (ImgHeight % PatchSize != 0 || ImgWidth % PatchSize != 0) faults.Add($"patch_size {PatchSize} must divide the image {ImgHeight}x{ImgWidth}");
            if (EmbedDim % NumHeads != 0) faults.Add($"num_heads {NumHeads} must divide embed_dim {EmbedDim}");
        }

        if (DropPath is < 0 or >= 1) faults.Add($"drop_path {DropPath} must be in [0, 1)");
        if (faults.Count > 0) throw new ArgumentException($"ViT: {string.Join("; ", faults)}.");
    }
}
