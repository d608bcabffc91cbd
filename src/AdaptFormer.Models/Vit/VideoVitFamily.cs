using AdaptFormer.Tensors;

namespace AdaptFormer.Models.Vit;

/// <summary>How the loader treats plain video ViTs, and image weights for them.</summary>
internal sealed class VideoVitFamily : BackboneFamily
{
    private const string Patch = "patch_embed.proj.weight", Positions = "pos_embed", ClassToken = "cls_token", FcNorm = "fc_norm.", Model =
        "plain video ViT";
    private const int DefaultSide = 224, DefaultFrames = 16;      // VideoMAE's; no weight depends on them

    public override string Name => "video_vit";

    public override Type ConfigType => typeof(VideoVitConfig);

    public override bool Recognises(StateDict ours) =>
        ours.Weights.TryGetValue(Patch, out StateDict.Weight? patch) && patch.Shape.Rank == 5
            && ours.Weights.Keys.Any(name => name.StartsWith("blocks.", StringComparison.Ordinal));

    public override BackboneConfig Infer(StateDict ours, string path, WeightHints hints)
    {
        Shape patch = Require(ours, Patch, 5, path, Model), fc1 = Require(ours, "blocks.0.mlp.fc1.weight", 2, path, Model);
        (int dim, int tubelet, int size) = (patch[0], patch[2], patch[3]);
        if (patch[1] != 3 || patch[4] != size || size < 1 || dim < 1 || tubelet < 1)
            throw new InvalidDataException($"{path}: {Patch} is {patch}, expected [EmbedDim, 3, tubelet, patch, patch].");

        int side = hints.ImgSize ?? DefaultSide;
        int frames = hints.NumFrames ?? FramesOf(ours, side / size, tubelet) ?? DefaultFrames;
        return new VideoVitConfig(
            frames, side, side, tubelet, size, dim, Depth(ours, "blocks"), Heads(dim, hints, path), (double)fc1[0] / dim,
            QkvBias: ours.Weights.ContainsKey("blocks.0.attn.q_bias"), NormEps: hints.NormEps ?? VideoVitConfig.DefaultNormEps,
            ImageTokens: HasImageTokens(ours));
    }

    public override BackboneConfig Fit(BackboneConfig config, StateDict ours, ICollection<string> notes) =>
        config is VideoVitConfig { ImageTokens: false } video && Recognises(ours) && HasImageTokens(ours)
            ? video with { ImageTokens = true } : config;

    public override void Adapt(
        StateDict state, BackboneConfig file, BackboneConfig model, bool sizeWasAsked, string path, ICollection<string> changes)
    {
        VideoVitConfig video = (VideoVitConfig)model;
        if (!state.Weights.TryGetValue(Patch, out StateDict.Weight? patch) || patch.Shape.Rank != 4) return;
        if (video.Inflate is { } how) ImageWeights.Inflate(state, video, how, path, changes);
        else throw new InvalidDataException(
            $"{path}: {Patch} is {patch.Shape}, that of an image model; set inflate to mean or centre to use image weights for clips.");
    }

    public override string? ReasonToIgnore(string name, BackboneConfig config) =>
        name.StartsWith("norm.", StringComparison.Ordinal) ? "the mean of all tokens is normalised with fc_norm instead" : null;

    public override bool MayStartAnew(string name, BackboneConfig config) => name.StartsWith(FcNorm, StringComparison.Ordinal);

    private static bool HasImageTokens(StateDict ours) => ours.Weights.ContainsKey(ClassToken) && ours.Weights.ContainsKey(Positions);

    // Learned positions tell the number of tubelets.
    private static int? FramesOf(StateDict ours, int grid, int tubelet) =>
        HasImageTokens(ours) && ours.Weights[Positions].Shape is { Rank: 3 } table && grid > 0 && table[1] > 1
            && (table[1] - 1) % (grid * grid) == 0 ? (table[1] - 1) / (grid * grid) * tubelet : null;
}
