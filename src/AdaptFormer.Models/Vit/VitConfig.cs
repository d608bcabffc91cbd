using System.Text.Json.Serialization;
using AdaptFormer.Models.Layers;
using AdaptFormer.Tensors;

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
/// <param name="GlobalPool">Mean of the patch tokens and <c>fc_norm</c> instead of <c>norm</c> and the class token (MAE
/// fine-tuning).</param>
/// <param name="PreLogits">Size of a tanh layer ahead of the head (ImageNet-21k weights); 0 for none.</param>
/// <param name="PatchBias">Whether the patch embedding has a bias; CLIP's has none.</param>
/// <param name="PreNorm">A norm of all tokens ahead of the first block (CLIP).</param>
/// <param name="LayerScale">Learned factors at the end of both branches of a block (DINOv2).</param>
/// <param name="Activation">The nonlinearity of the feed-forward layers.</param>
/// <param name="ClassToken">Whether there is a class token; without one the mean of all patch tokens is read out.</param>
/// <param name="DistToken">A second token beside the class token, which is read out with it (distilled DeiT): the head reads both, one
/// after the other.</param>
/// <param name="RegTokens">Registers: tokens that only attend and are attended to (DINOv2 with registers).</param>
/// <param name="NoEmbedClass">Whether the table of positions is for the patches alone (DeiT III, registers); else the tokens ahead of
/// them have a position each.</param>
/// <param name="DropPath">Stochastic depth of the last block; earlier ones get a linear share.</param>
public sealed record VitConfig(
    int ImgHeight = 224, int ImgWidth = 224, int PatchSize = 16, int EmbedDim = 768, int Depth = 12, int NumHeads = 12,
    double MlpRatio = 4, bool QkvBias = true, float NormEps = VitConfig.DefaultNormEps, bool GlobalPool = false, int PreLogits = 0,
    bool PatchBias = true, bool PreNorm = false, bool LayerScale = false, MlpActivation Activation = MlpActivation.Gelu,
    bool ClassToken = true, bool DistToken = false, int RegTokens = 0, bool NoEmbedClass = false, float DropPath = 0)
        : BackboneConfig(DropPath)
{
    /// <summary>ε of the published weights.</summary>
    public const float DefaultNormEps = 1e-6f;

    /// <inheritdoc/>
    [JsonIgnore]
    public override Shape InputShape => new(3, ImgHeight, ImgWidth);

    /// <inheritdoc/>
    [JsonIgnore]
    protected internal override BackboneConfig Architecture =>
        this with { GlobalPool = false, DropPath = 0, NormEps = DefaultNormEps, PreLogits = 0 };

    /// <inheritdoc/>
    [JsonIgnore]
    public override string DefaultId =>
        $"vit_dim{EmbedDim}_depth{Depth}_patch{PatchSize}{(RegTokens > 0 ? $"_reg{RegTokens}" : "")}_{ImgHeight}";

    /// <inheritdoc/>
    public override VisionTransformer Create(string id, DataType compute = DataType.Float32) => new(id, this, compute);

    /// <inheritdoc/>
    public override BackboneConfig WithImgSize(int side) => this with { ImgHeight = side, ImgWidth = side };

    /// <inheritdoc/>
    public override BackboneConfig WithGlobalPool(bool globalPool) => this with { GlobalPool = globalPool };

    /// <inheritdoc/>
    public override BackboneConfig WithInflation(Inflation how, bool tokens = true)
    {
        if (!ClassToken || DistToken || RegTokens > 0 || NoEmbedClass)
            throw new ArgumentException($"{DefaultId}: inflate takes weights of ViTs with a class token that has a position (ViT, DeiT, "
                + "MAE), and no other tokens ahead of the patches.");
        if (PreNorm || LayerScale || !PatchBias || Activation != MlpActivation.Gelu)
            throw new ArgumentException($"{DefaultId}: inflate takes weights of plain ViTs (ViT, DeiT, MAE); those of CLIP and DINOv2 "
                + "have layers that the video model does not have.");
        if (PreLogits > 0)
            throw new ArgumentException(
                $"{DefaultId} has a pre_logits layer behind its class token, which is not read out for clips: name the model without it.");
        return new VideoVitConfig(
            ImgHeight: ImgHeight, ImgWidth: ImgWidth, PatchSize: PatchSize, EmbedDim: EmbedDim, Depth: Depth, NumHeads: NumHeads,
            MlpRatio: MlpRatio,
            QkvBias: QkvBias, NormEps: NormEps, ImageTokens: tokens, Inflate: how, DropPath: DropPath);
    }

    /// <summary>Patches along the height.</summary>
    public int GridHeight => ImgHeight / PatchSize;

    /// <summary>Patches along the width.</summary>
    public int GridWidth => ImgWidth / PatchSize;

    /// <summary>Tokens ahead of the patches: class token, distillation token, registers.</summary>
    public int FrontTokens => (ClassToken ? 1 : 0) + (DistToken ? 1 : 0) + RegTokens;

    /// <summary>Tokens of an image, those ahead of the patches included.</summary>
    public int Tokens => (GridHeight * GridWidth) + FrontTokens;

    /// <summary>Rows of the table of positions.</summary>
    public int Positions => (GridHeight * GridWidth) + (NoEmbedClass ? 0 : FrontTokens);

    /// <summary>Units of the feed-forward layer.</summary>
    public int MlpHidden => (int)(EmbedDim * MlpRatio);

    /// <inheritdoc/>
    public override void Validate()
    {
        List<string> faults = [];
        if (PatchSize <= 0 || ImgHeight <= 0 || ImgWidth <= 0 || EmbedDim <= 0 || Depth <= 0 || NumHeads <= 0 || MlpRatio <= 0
            || PreLogits < 0 || RegTokens < 0)
            faults.Add("every size must be positive");
        else if (!SizeLimits.Hold([PatchSize, ImgHeight, ImgWidth, EmbedDim, NumHeads, PreLogits, RegTokens], Depth, MlpRatio)) faults.Add(
            SizeLimits.Fault);
        else
        {
            if (ImgHeight % PatchSize != 0 || ImgWidth % PatchSize != 0)
                faults.Add($"patch_size {PatchSize} must divide the image {ImgHeight}x{ImgWidth}");
            if (EmbedDim % NumHeads != 0) faults.Add($"num_heads {NumHeads} must divide embed_dim {EmbedDim}");
        }

        if (DistToken && !ClassToken) faults.Add("dist_token stands beside a class token");
        if (PreLogits > 0 && DistToken) faults.Add("pre_logits reads one token and not dist_token");
        if (DropPath is < 0 or >= 1) faults.Add($"drop_path {DropPath} must be in [0, 1)");
        if (faults.Count > 0) throw new ArgumentException($"ViT: {string.Join("; ", faults)}.");
    }
}
