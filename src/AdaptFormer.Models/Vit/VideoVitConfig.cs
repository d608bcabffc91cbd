using System.Text.Json.Serialization;
using AdaptFormer.Tensors;

namespace AdaptFormer.Models.Vit;

/// <summary>The sizes of a plain vision transformer for clips (VideoMAE's), in the field's words.</summary>
/// <param name="NumFrames">T, a multiple of the tubelet size.</param>
/// <param name="ImgHeight">H in pixels, a multiple of the patch size.</param>
/// <param name="ImgWidth">W in pixels, a multiple of the patch size.</param>
/// <param name="TubeletSize">t: a token is t frames by p×p pixels.</param>
/// <param name="PatchSize">p.</param>
/// <param name="EmbedDim">C.</param>
/// <param name="Depth">Number of blocks.</param>
/// <param name="NumHeads">Attention heads; divides C.</param>
/// <param name="MlpRatio">Units of the feed-forward layer as a multiple of C.</param>
/// <param name="QkvBias">Whether queries and values have a bias; keys have none.</param>
/// <param name="NormEps">ε of all norms.</param>
/// <param name="ImageTokens">A class token and learned positions, as image ViTs have them, in place of a fixed sinusoid table alone. The
/// class token takes part in the attention and is not read out.</param>
/// <param name="Inflate">How image weights are made to fit; null for weights of a video model.</param>
/// <param name="DropPath">Stochastic depth of the last block; earlier ones get a linear share.</param>
public sealed record VideoVitConfig(
    int NumFrames = 16, int ImgHeight = 224, int ImgWidth = 224, int TubeletSize = 2, int PatchSize = 16, int EmbedDim = 768,
    int Depth = 12, int NumHeads = 12,
    double MlpRatio = 4, bool QkvBias = true, float NormEps = VideoVitConfig.DefaultNormEps, bool ImageTokens = false,
    Inflation? Inflate = null, float DropPath = 0)
    : BackboneConfig(DropPath)
{
    /// <summary>ε of the published weights.</summary>
    public const float DefaultNormEps = 1e-6f;

    /// <inheritdoc/>
    [JsonIgnore]
    public override Shape InputShape => new(3, NumFrames, ImgHeight, ImgWidth);

    /// <inheritdoc/>
    [JsonIgnore]
    protected internal override BackboneConfig Written => this with { Inflate = null, DropPath = 0 };

    /// <inheritdoc/>
    [JsonIgnore]
    protected internal override BackboneConfig Architecture => this with { DropPath = 0, NormEps = DefaultNormEps };

    /// <inheritdoc/>
    [JsonIgnore]
    public override string DefaultId => $"video_vit_dim{EmbedDim}_depth{Depth}_patch{PatchSize}_{ImgHeight}_frames{NumFrames}";

    /// <summary>Patches of a frame along the height.</summary>
    public int GridHeight => ImgHeight / PatchSize;

    /// <summary>Patches of a frame along the width.</summary>
    public int GridWidth => ImgWidth / PatchSize;

    /// <summary>Tubelets of a clip, N.</summary>
    public int Patches => NumFrames / TubeletSize * GridHeight * GridWidth;

    /// <summary>Tokens of a clip, a class token included.</summary>
    public int Tokens => Patches + (ImageTokens ? 1 : 0);

    /// <summary>Units of the feed-forward layer.</summary>
    public int MlpHidden => (int)(EmbedDim * MlpRatio);

    /// <inheritdoc/>
    public override VideoVisionTransformer Create(string id, DataType compute = DataType.Float32) => new(id, this, compute);

    /// <inheritdoc/>
    public override BackboneConfig WithImgSize(int side) => this with { ImgHeight = side, ImgWidth = side };

    /// <inheritdoc/>
    public override BackboneConfig WithNumFrames(int frames) => this with { NumFrames = frames };

    /// <inheritdoc/>
    public override void Validate()
    {
        List<string> faults = [];
        if (NumFrames <= 0 || TubeletSize <= 0 || PatchSize <= 0 || ImgHeight <= 0 || ImgWidth <= 0 || EmbedDim <= 0 || Depth <= 0
            || NumHeads <= 0 || MlpRatio <= 0)
            faults.Add("every size must be positive");
        else if (!SizeLimits.Hold([NumFrames, TubeletSize, PatchSize, ImgHeight, ImgWidth, EmbedDim, NumHeads], Depth,
            MlpRatio)) faults.Add(SizeLimits.Fault);
        else
        {
            if (NumFrames % TubeletSize != 0) faults.Add($"tubelet_size {TubeletSize} must divide num_frames {NumFrames}");
            if (ImgHeight % PatchSize != 0 || ImgWidth % PatchSize != 0)
                faults.Add($"patch_size {PatchSize} must divide the frame {ImgHeight}x{ImgWidth}");
            if (EmbedDim % NumHeads != 0) faults.Add($"num_heads {NumHeads} must divide embed_dim {EmbedDim}");
        }

        if (DropPath is < 0 or >= 1) faults.Add($"drop_path {DropPath} must be in [0, 1)");
        if (faults.Count > 0) throw new ArgumentException($"Video ViT: {string.Join("; ", faults)}.");
    }
}
