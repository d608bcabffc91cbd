using System.Text.Json.Serialization;
using AdaptFormer.Tensors;

namespace AdaptFormer.Models.Swin;

/// <summary>The sizes of a Swin transformer for pictures, in the field's words.</summary>
/// <param name="ImgHeight">H in pixels.</param>
/// <param name="ImgWidth">W in pixels.</param>
/// <param name="PatchSize">p: a token of the first stage is p×p pixels.</param>
/// <param name="EmbedDim">C of the first stage.</param>
/// <param name="Depths">Blocks of each stage; Swin-T's if null.</param>
/// <param name="NumHeads">Attention heads of each stage; Swin-T's if null.</param>
/// <param name="WindowSize">Side of a window in tokens.</param>
/// <param name="MlpRatio">Units of the feed-forward layer as a multiple of C.</param>
/// <param name="QkvBias">Whether the fused projection has a bias.</param>
/// <param name="NormEps">ε of all norms.</param>
/// <param name="DropPath">Stochastic depth of the last block of all; earlier ones get a linear share.</param>
/// <remarks>Swin, arXiv:2103.14030.</remarks>
public sealed record SwinConfig(
    int ImgHeight = 224, int ImgWidth = 224, int PatchSize = 4, int EmbedDim = 96, int[]? Depths = null, int[]? NumHeads = null,
    int WindowSize = 7,
    double MlpRatio = 4, bool QkvBias = true, float NormEps = SwinSizes.DefaultNormEps, float DropPath = 0)
    : SwinSizes(EmbedDim, Depths, NumHeads, MlpRatio, QkvBias, NormEps, DropPath)
{
    /// <inheritdoc/>
    [JsonIgnore]
    public override Shape InputShape => new(3, ImgHeight, ImgWidth);

    /// <inheritdoc/>
    [JsonIgnore]
    public override string DefaultId => $"swin_dim{EmbedDim}_depth{Depths.Sum()}_patch{PatchSize}_window{WindowSize}_{ImgHeight}";

    /// <inheritdoc/>
    [JsonIgnore]
    internal override TokenGrid Patch => new(1, PatchSize, PatchSize);

    /// <inheritdoc/>
    [JsonIgnore]
    internal override TokenGrid Pixels => new(1, ImgHeight, ImgWidth);

    /// <inheritdoc/>
    public override BackboneConfig WithImgSize(int side) => this with { ImgHeight = side, ImgWidth = side };

    /// <inheritdoc/>
    public override BackboneConfig WithInflation(Inflation how, bool tokens = true) => new VideoSwinConfig(
        ImgHeight: ImgHeight, ImgWidth: ImgWidth, PatchSize: PatchSize, EmbedDim: EmbedDim, Depths: Depths, NumHeads: NumHeads,
        WindowSize: WindowSize,
        MlpRatio: MlpRatio, QkvBias: QkvBias, NormEps: NormEps, Inflate: how, DropPath: DropPath);

    /// <inheritdoc/>
    /// <remarks>Follows the authors' code: a grid with a side no longer than a window is cut into windows of its shorter side, and never
    /// shifted.</remarks>
    internal override WindowLayout Windows(TokenGrid grid, bool shifted)
    {
        int side = Math.Min(WindowSize, Math.Min(grid.H, grid.W));
        int shift = shifted && Math.Min(grid.H, grid.W) > WindowSize ? WindowSize / 2 : 0;
        return new WindowLayout(grid, new TokenGrid(1, side, side), new TokenGrid(0, shift, shift));
    }

    /// <inheritdoc/>
    public override void Validate()
    {
        List<string> faults = [.. Faults()];
        if (WindowSize <= 0) faults.Add($"window_size {WindowSize} must be positive");
        if (faults.Count > 0) throw new ArgumentException($"Swin: {string.Join("; ", faults)}.");
    }
}
