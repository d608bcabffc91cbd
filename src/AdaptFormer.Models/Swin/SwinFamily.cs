using AdaptFormer.Tensors;

namespace AdaptFormer.Models.Swin;

/// <summary>How the loader treats Swin transformers for pictures.</summary>
internal sealed class SwinFamily : SwinFamilyBase
{
    public override string Name => "swin";

    public override Type ConfigType => typeof(SwinConfig);

    protected override int PatchAxes => 4;

    protected override string Model => "Swin";

    public override BackboneConfig Infer(StateDict ours, string path, WeightHints hints)
    {
        Stages stages = Stages.Of(this, ours, path);
        Shape patch = stages.Patch;
        if (patch[1] != 3 || patch[3] != patch[2])
            throw new InvalidDataException($"{path}: {PatchWeight} is {patch}, expected [EmbedDim, 3, patch, patch].");
        int rows = stages.TableRows, window = ((int)Math.Round(Math.Sqrt(rows)) + 1) / 2;
        if (((2 * window) - 1) * ((2 * window) - 1) != rows)
            throw new InvalidDataException(
                $"{path}: {RelativePositionTables.NameOf(0, 0)} has {rows} positions, expected (2·window − 1)² of a square window.");

        int side = hints.ImgSize ?? SideOf(ours, window, patch[2]) ?? ((window * patch[2]) << (stages.Depths.Length - 1));
        return new SwinConfig(
            side, side, patch[2], patch[0], stages.Depths, stages.Heads, window, stages.MlpRatio, stages.QkvBias,
            hints.NormEps ?? SwinSizes.DefaultNormEps);
    }

    // Shifted windows have a mask each, in files that hold masks.
    private static int? SideOf(StateDict ours, int window, int patch)
    {
        if (!ours.Weights.TryGetValue("layers.0.blocks.1.attn_mask", out StateDict.Weight? mask) || mask.Shape.Rank != 3) return null;
        int along = (int)Math.Round(Math.Sqrt(mask.Shape[0]));
        return along > 0 && along * along == mask.Shape[0] ? along * window * patch : null;
    }
}
