using AdaptFormer.Models.Vit;
using AdaptFormer.Tensors;

namespace AdaptFormer.Models.Swin;

/// <summary>How the loader treats Video Swin transformers, and the weights of image Swins for them.</summary>
internal sealed class VideoSwinFamily : SwinFamilyBase
{
    // the published models'; no weight depends on side and frames
    private const int DefaultSide = 224, DefaultFrames = 32, DefaultWindow = 7, LargestWindow = 64;

    public override string Name => "video_swin";

    public override Type ConfigType => typeof(VideoSwinConfig);

    protected override int PatchAxes => 5;

    protected override string Model => "Video Swin";

    public override BackboneConfig Infer(StateDict ours, string path, WeightHints hints)
    {
        Stages stages = Stages.Of(this, ours, path);
        Shape patch = stages.Patch;
        if (patch[1] != 3 || patch[4] != patch[3])
            throw new InvalidDataException($"{path}: {PatchWeight} is {patch}, expected [EmbedDim, 3, tubelet, patch, patch].");
        int? tokens = ours.Weights.TryGetValue("layers.0.blocks.0.attn.relative_position_index", out StateDict.Weight? index)
            && index.Shape.Rank == 2 ? index.Shape[0] : null;
        TokenGrid window = WindowOf(stages.TableRows, tokens)
            ?? throw new InvalidDataException($"{path}: {RelativePositionTables.NameOf(0, 0)} has {stages.TableRows} positions, "
            + "expected (2·frames − 1)·(2·side − 1)² of a window; give the model's id or its sizes.");
        int side = hints.ImgSize ?? DefaultSide;
        return new VideoSwinConfig(
            hints.NumFrames ?? DefaultFrames, side, side, patch[2], patch[3], patch[0], stages.Depths, stages.Heads, window.T, window.W,
            stages.MlpRatio, stages.QkvBias,
            hints.NormEps ?? SwinSizes.DefaultNormEps);
    }

    public override void Adapt(
        StateDict state, BackboneConfig file, BackboneConfig model, bool sizeWasAsked, string path, ICollection<string> changes)
    {
        VideoSwinConfig video = (VideoSwinConfig)model;
        if (!state.Weights.TryGetValue(PatchWeight, out StateDict.Weight? patch)) return;
        bool fromImages = patch.Shape.Rank == 4;
        if (fromImages)
        {
            if (video.Inflate is not { } how)
                throw new InvalidDataException($"{path}: {PatchWeight} is {patch.Shape}, that of an image model; set inflate to mean or "
                    + "centre to use image weights for clips.");
            state.Add(PatchWeight, ImageWeights.Kernel(patch, video.TubeletSize, how));
            changes.Add($"{PatchWeight} from {patch.Shape} to tubelets of {video.TubeletSize} frames "
                + $"({(how == Inflation.Mean ? "mean" : "centre")} inflation)");
        }

        RelativePositionTables.Fit(state, video, fromImages, changes);
    }

    /// <summary>The window t×s×s of a table; the published side of 7 where several fit and nothing else tells.</summary>
    private static TokenGrid? WindowOf(int rows, int? tokens)
    {
        foreach (int side in Enumerable.Range(1, LargestWindow).Prepend(DefaultWindow))
        {
            int plane = ((2 * side) - 1) * ((2 * side) - 1);
            TokenGrid window = new(((rows / plane) + 1) / 2, side, side);
            if (rows % plane == 0 && WindowLayout.TableRowsOf(window) == rows && (tokens is null || tokens == window.Count)) return window;
        }

        return null;
    }
}
