using System.Text.Json.Serialization;
using AdaptFormer.Tensors;

namespace AdaptFormer.Models.Swin;

/// <summary>What Swin and Video Swin have in common: stages of blocks, each with half the rows and columns and twice the features of the
/// one before.</summary>
/// <param name="EmbedDim">C of the first stage.</param>
/// <param name="Depths">Blocks of each stage; Swin-T's if null.</param>
/// <param name="NumHeads">Attention heads of each stage; Swin-T's if null.</param>
/// <param name="MlpRatio">Units of the feed-forward layer as a multiple of C.</param>
/// <param name="QkvBias">Whether the fused projection has a bias.</param>
/// <param name="NormEps">ε of all norms.</param>
/// <param name="DropPath">Stochastic depth of the last block of all; earlier ones get a linear share.</param>
public abstract record SwinSizes(
    int EmbedDim, int[]? Depths, int[]? NumHeads, double MlpRatio, bool QkvBias, float NormEps, float DropPath) : BackboneConfig(DropPath)
{
    /// <summary>ε of the published weights.</summary>
    public const float DefaultNormEps = 1e-5f;

    /// <summary>Blocks of each stage.</summary>
    public int[] Depths { get; init; } = Depths ?? [2, 2, 6, 2];

    /// <summary>Attention heads of each stage.</summary>
    public int[] NumHeads { get; init; } = NumHeads ?? [3, 6, 12, 24];

    /// <summary>What one token of the first stage is made of: frames, rows and columns of pixels.</summary>
    [JsonIgnore]
    internal abstract TokenGrid Patch { get; }

    /// <summary>Frames, rows and columns of pixels.</summary>
    [JsonIgnore]
    internal abstract TokenGrid Pixels { get; }

    /// <summary>Tokens of the first stage; an input that the patches do not divide is padded at its end.</summary>
    [JsonIgnore]
    internal TokenGrid Grid => new(Ceiling(Pixels.T, Patch.T), Ceiling(Pixels.H, Patch.H), Ceiling(Pixels.W, Patch.W));

    /// <summary>How the blocks of a stage cut their grid of tokens: every other one shifted.</summary>
    internal abstract WindowLayout Windows(TokenGrid grid, bool shifted);

    /// <summary>The grid of each stage.</summary>
    internal IEnumerable<TokenGrid> Grids()
    {
        TokenGrid grid = Grid;
        for (int stage = 0; stage < Depths.Length; stage++, grid = grid.Merged) yield return grid;
    }

    /// <inheritdoc/>
    public override SwinTransformer Create(string id, DataType compute = DataType.Float32) => new(id, this, compute);

    /// <summary>Same sizes, lists compared by their elements.</summary>
    public virtual bool Equals(SwinSizes? other) =>
        base.Equals(other) && (EmbedDim, MlpRatio, QkvBias, NormEps) == (other.EmbedDim, other.MlpRatio, other.QkvBias, other.NormEps)
        && Depths.AsSpan().SequenceEqual(other.Depths) && NumHeads.AsSpan().SequenceEqual(other.NumHeads);

    /// <inheritdoc/>
    public override int GetHashCode() =>
        HashCode.Combine(base.GetHashCode(), EmbedDim, Depths.Length, NumHeads.Sum(), MlpRatio, QkvBias, NormEps);

    /// <summary>Contradictions between the sizes that both families have.</summary>
    private protected IEnumerable<string> Faults()
    {
        TokenGrid[] grids = [Patch, Pixels];
        bool positive = EmbedDim > 0 && MlpRatio > 0 && grids.All(grid => grid is { T: > 0, H: > 0, W: > 0 }) && Depths.Length > 0
            && Depths.All(d => d > 0) && NumHeads.All(h => h > 0);
        if (!positive) yield return "every size must be positive";
        int[] sizes = [EmbedDim, .. grids.SelectMany(grid => new[] { grid.T, grid.H, grid.W }), .. NumHeads];
        if (positive && !SizeLimits.Hold(sizes, Depths.Max(), MlpRatio)) yield return SizeLimits.Fault;
        if (Depths.Length == 0 || Depths.Length != NumHeads.Length || Depths.Length > 8)
            yield return $"depths and num_heads must have one number for each stage, got {Depths.Length} and {NumHeads.Length}";
        else if (positive)
        {
            for (int stage = 0; stage < Depths.Length; stage++)
            {
                if ((EmbedDim << stage) % NumHeads[stage] != 0)
                    yield return $"num_heads {NumHeads[stage]} must divide the {EmbedDim << stage} features of stage {stage}";
            }
        }

        if (DropPath is < 0 or >= 1) yield return $"drop_path {DropPath} must be in [0, 1)";
    }

    private static int Ceiling(int length, int part) => (length + part - 1) / part;
}
