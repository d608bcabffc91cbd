using System.Text.Json.Serialization;
using AdaptFormer.Tensors;

namespace AdaptFormer.Models.Swin;

/// <summary>The sizes of a Video Swin transformer, in the field's words.</summary>
/// <param name="NumFrames">T.</param>
/// <param name="ImgHeight">H in pixels.</param>
/// <param name="ImgWidth">W in pixels.</param>
/// <param name="TubeletSize">t: a token of the first stage is t frames by p×p pixels.</param>
/// <param name="PatchSize">p.</param>
/// <param name="EmbedDim">C of the first stage.</param>
/// <param name="Depths">Blocks of each stage; Swin-T's if null.</param>
/// <param name="NumHeads">Attention heads of each stage; Swin-T's if null.</param>
/// <param name="WindowFrames">Length of a window along time, in tokens.</param>
/// <param name="WindowSize">Side of a window in tokens.</param>
/// <param name="MlpRatio">Units of the feed-forward layer as a multiple of C.</param>
/// <param name="QkvBias">Whether the fused projection has a bias.</param>
/// <param name="NormEps">ε of all norms.</param>
/// <param name="Inflate">How the weights of a Swin for pictures are made to fit; null for weights of a video model.</param>
/// <param name="DropPath">Stochastic depth of the last block of all; earlier ones get a linear share.</param>
/// <remarks>Video Swin, arXiv:2106.13230.</remarks>
public sealed record VideoSwinConfig(
    int NumFrames = 32, int ImgHeight = 224, int ImgWidth = 224, int TubeletSize = 2, int PatchSize = 4, int EmbedDim = 96,
    int[]? Depths = null, int[]? NumHeads = null,
    int WindowFrames = 8, int WindowSize = 7, double MlpRatio = 4, bool QkvBias = true, float NormEps = SwinSizes.DefaultNormEps,
    Inflation? Inflate = null, float DropPath = 0)
    : SwinSizes(EmbedDim, Depths, NumHeads, MlpRatio, QkvBias, NormEps, DropPath)
{
    /// <inheritdoc/>
    [JsonIgnore]
    public override Shape InputShape => new(3, NumFrames, ImgHeight, ImgWidth);

    /// <inheritdoc/>
    [JsonIgnore]
    protected internal override BackboneConfig Written => this with { Inflate = null, DropPath = 0 };

    /// <inheritdoc/>
    [JsonIgnore]
    protected internal override BackboneConfig Architecture => this with { DropPath = 0, Inflate = null };

    /// <inheritdoc/>
    [JsonIgnore]
    public override string DefaultId =>
        $"video_swin_dim{EmbedDim}_depth{Depths.Sum()}_window{WindowFrames}x{WindowSize}_{ImgHeight}_frames{NumFrames}";

    /// <inheritdoc/>
    [JsonIgnore]
    internal override TokenGrid Patch => new(TubeletSize, PatchSize, PatchSize);

    /// <inheritdoc/>
    [JsonIgnore]
    internal override TokenGrid Pixels => new(NumFrames, ImgHeight, ImgWidth);

    /// <summary>The whole window, which the tables of relative positions are for.</summary>
    [JsonIgnore]
    internal TokenGrid Window => new(WindowFrames, WindowSize, WindowSize);

    /// <inheritdoc/>
    public override BackboneConfig WithImgSize(int side) => this with { ImgHeight = side, ImgWidth = side };

    /// <inheritdoc/>
    public override BackboneConfig WithNumFrames(int frames) => this with { NumFrames = frames };

    /// <inheritdoc/>
    public override BackboneConfig WithInflation(Inflation how, bool tokens = true) => this with { Inflate = how };

    /// <inheritdoc/>
    /// <remarks>Follows the authors' code: along each axis on its own, a grid no longer than the window clamps it and is not shifted; the
    /// table stays that of the whole window.</remarks>
    internal override WindowLayout Windows(TokenGrid grid, bool shifted)
    {
        (int t, int shiftT) = Along(grid.T, WindowFrames, shifted);
        (int h, int shiftH) = Along(grid.H, WindowSize, shifted);
        (int w, int shiftW) = Along(grid.W, WindowSize, shifted);
        return new WindowLayout(grid, new TokenGrid(t, h, w), new TokenGrid(shiftT, shiftH, shiftW), Window);
    }

    /// <inheritdoc/>
    public override void Validate()
    {
        List<string> faults = [.. Faults()];
        if (WindowFrames <= 0 || WindowSize <= 0) faults.Add($"window_frames {WindowFrames} and window_size {WindowSize} must be positive");
        if (faults.Count > 0) throw new ArgumentException($"Video Swin: {string.Join("; ", faults)}.");
    }

    private static (int Window, int Shift) Along(int length, int window, bool shifted) =>
        length <= window ? (length, 0) : (window, shifted ? window / 2 : 0);
}
