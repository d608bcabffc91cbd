using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Models.Layers;
using AdaptFormer.Tensors;

namespace AdaptFormer.Models.Vit;

/// <summary>How the loader treats plain image ViTs.</summary>
internal sealed class VitFamily : BackboneFamily
{
    private const float ClipNormEps = 1e-5f;
    private const string Patch = "patch_embed.proj.weight", Positions = "pos_embed", Model = "plain ViT";

    public override Type ConfigType => typeof(VitConfig);

    public override bool Recognises(StateDict ours) =>
        ours.Weights.TryGetValue(Patch, out StateDict.Weight? patch) && patch.Shape.Rank == 4 && ours.Weights.Keys.Any(name => name.StartsWith("blocks.", StringComparison.Ordinal));

    public override BackboneConfig Infer(StateDict ours, string path, WeightHints hints)
    {
        Shape patch = Require(ours, Patch, 4, path, Model), position = Require(ours, Positions, 3, path, Model), fc1 = Require(ours, "blocks.0.mlp.fc1.weight", 2, path, Model);
        (int dim, int size) = (patch[0], patch[2]);
        if (patch[1] != 3 || patch[3] != size || size < 1 || dim < 1)
            throw new InvalidDataException($"{path}: {Patch} is {patch}, expected [EmbedDim, 3, patch, patch].");

        (int height, int width) = Grid(position, path);
        bool clip = ours.Weights.ContainsKey("norm_pre.weight");      // OpenAI's ε and activation, unless the configuration beside the weights says otherwise
        return new VitConfig(
            height * size, width * size, size, dim, Depth(ours, "blocks"), Heads(dim, hints, path), (double)fc1[0] / dim,
            QkvBias: ours.Weights.ContainsKey("blocks.0.attn.qkv.bias"), NormEps: hints.NormEps ?? (clip ? ClipNormEps : VitConfig.DefaultNormEps),
            GlobalPool: HasFcNorm(ours), PreLogits: ours.Weights.TryGetValue("pre_logits.fc.weight", out StateDict.Weight? preLogits) ? preLogits.Shape[0] : 0,
            PatchBias: ours.Weights.ContainsKey("patch_embed.proj.bias"), PreNorm: clip, LayerScale: ours.Weights.ContainsKey("blocks.0.ls1.gamma"),
            Activation: hints.Activation ?? (clip ? MlpActivation.QuickGelu : MlpActivation.Gelu));
    }

    public override BackboneConfig Fit(BackboneConfig config, StateDict ours, ICollection<string> notes)
    {
        VitConfig vit = (VitConfig)config;
        if (HasFcNorm(ours)) vit = vit with { GlobalPool = true };
        if (vit.PreLogits == 0 || ours.Weights.ContainsKey("pre_logits.fc.weight")) return vit;
        notes.Add("the file has no pre_logits layer, so the model is built without one");
        return vit with { PreLogits = 0 };
    }

    public override void Adapt(StateDict state, BackboneConfig file, BackboneConfig model, bool sizeWasAsked, string path, ICollection<string> changes)
    {
        (VitConfig from, VitConfig to) = ((VitConfig)file, (VitConfig)model);
        if (!sizeWasAsked || !state.Weights.TryGetValue(Positions, out StateDict.Weight? table)) return;
        (int Height, int Width) old = table.Shape.Rank == 3 && table.Shape[1] == from.Tokens ? (from.GridHeight, from.GridWidth) : Grid(table.Shape, path);
        if (old == (to.GridHeight, to.GridWidth) || table.Shape[2] != to.EmbedDim) return;
        float[] values = PositionEmbeddings.Resize(table.ToArray(), to.EmbedDim, extra: 1, old, (to.GridHeight, to.GridWidth));
        state.Add(Positions, new StateDict.Weight(new Shape(1, to.Tokens, to.EmbedDim), destination => values.CopyTo(destination)));
        changes.Add($"{Positions} from {old.Height}x{old.Width} to {to.GridHeight}x{to.GridWidth} patches (bicubic)");
    }

    public override string? ReasonToIgnore(string name, BackboneConfig config)
    {
        VitConfig vit = (VitConfig)config;
        if (name == "embeddings.position_ids") return "a counter, which the table of positions makes unnecessary";
        if (vit.GlobalPool && name.StartsWith("norm.", StringComparison.Ordinal)) return "global pooling normalises with fc_norm instead";
        return vit.PreLogits == 0 && name.StartsWith("pre_logits.", StringComparison.Ordinal) ? "the sizes asked for have no pre_logits layer" : null;
    }

    // MAE's fine-tuning starts fc_norm at ones and zeros and trains it with the head.
    public override bool MayStartAnew(string name, BackboneConfig config) => ((VitConfig)config).GlobalPool && name.StartsWith("fc_norm.", StringComparison.Ordinal);

    public override string? Advice(string name, BackboneConfig config) =>
        name == Positions ? $"set img_size to {((VitConfig)config).ImgHeight} to resize it, or to that of the weights" : null;

    /// <summary>The square grid of a table [1, 1 + g², C] with a class token.</summary>
    /// <exception cref="InvalidDataException">The number of tokens is not that of a square grid.</exception>
    public static (int Height, int Width) Grid(Shape position, string path)
    {
        int patches = position.Rank == 3 ? position[1] - 1 : 0, side = (int)Math.Round(Math.Sqrt(Math.Max(0, patches)));
        if (side < 1 || side * side != patches)
            throw new InvalidDataException($"{path}: {Positions} is {position}, expected [1, 1 + g·g, EmbedDim] of a square grid with a class token; for another grid give the sizes.");
        return (side, side);
    }

    private static bool HasFcNorm(StateDict ours) => ours.Weights.ContainsKey("fc_norm.weight") && !ours.Weights.ContainsKey("norm.weight");
}
