using AdaptFormer.Models.Layers;
using AdaptFormer.Tensors;

namespace AdaptFormer.Models.Vit;

/// <summary>How the loader treats plain image ViTs.</summary>
internal sealed class VitFamily : BackboneFamily
{
    private const float ClipNormEps = 1e-5f;
    private const string Patch = "patch_embed.proj.weight", Positions = "pos_embed", Model = "plain ViT";
    private const string ClassToken = "cls_token", DistToken = "dist_token", RegTokens = "reg_token", AttentionPool = "attn_pool.";

    public override string Name => BackboneConfig.DefaultFamily;

    public override Type ConfigType => typeof(VitConfig);

    public override bool Recognises(StateDict ours) =>
        ours.Weights.TryGetValue(Patch, out StateDict.Weight? patch) && patch.Shape.Rank == 4
            && ours.Weights.Keys.Any(name => name.StartsWith("blocks.", StringComparison.Ordinal));

    public override BackboneConfig Infer(StateDict ours, string path, WeightHints hints)
    {
        Shape patch = Require(ours, Patch, 4, path, Model), position = Require(ours, Positions, 3, path, Model), fc1 =
            Require(ours, "blocks.0.mlp.fc1.weight", 2, path, Model);
        (int dim, int size) = (patch[0], patch[2]);
        if (patch[1] != 3 || patch[3] != size || size < 1 || dim < 1)
            throw new InvalidDataException($"{path}: {Patch} is {patch}, expected [EmbedDim, 3, patch, patch].");

        VitConfig tokens = TokensOf(new VitConfig(), ours);
        bool apart = tokens.FrontTokens > 0 && IsSquare(position[1])
            && (tokens.RegTokens > 0 || !IsSquare(position[1] - tokens.FrontTokens));
        (int height, int width) = Grid(position, apart ? 0 : tokens.FrontTokens, path);
        // OpenAI's ε and activation, unless the configuration beside the weights says otherwise
        bool clip = ours.Weights.ContainsKey("norm_pre.weight");
        return new VitConfig(
            height * size, width * size, size, dim, Depth(ours, "blocks"), Heads(dim, hints, path), (double)fc1[0] / dim,
            QkvBias: ours.Weights.ContainsKey("blocks.0.attn.qkv.bias"),
            NormEps: hints.NormEps ?? (clip ? ClipNormEps : VitConfig.DefaultNormEps),
            GlobalPool: HasFcNorm(ours), PreLogits: ours.Weights.TryGetValue("pre_logits.fc.weight", out StateDict.Weight? preLogits)
                ? preLogits.Shape[0] : 0,
            PatchBias: ours.Weights.ContainsKey("patch_embed.proj.bias"), PreNorm: clip,
            LayerScale: ours.Weights.ContainsKey("blocks.0.ls1.gamma"),
            Activation: hints.Activation ?? (clip ? MlpActivation.QuickGelu : MlpActivation.Gelu),
            ClassToken: tokens.ClassToken, DistToken: tokens.DistToken, RegTokens: tokens.RegTokens, NoEmbedClass: apart);
    }

    public override BackboneConfig Fit(BackboneConfig config, StateDict ours, ICollection<string> notes)
    {
        VitConfig vit = (VitConfig)config;
        if (HasFcNorm(ours)) vit = vit with { GlobalPool = true };
        VitConfig tokens = TokensOf(vit, ours);
        if (ours.Weights.TryGetValue(Positions, out StateDict.Weight? table) && table.Shape.Rank == 3)
            tokens = tokens with { NoEmbedClass = tokens.FrontTokens > 0 && table.Shape[1] == tokens.GridHeight * tokens.GridWidth };
        if (tokens != vit) notes.Add($"the file's tokens ahead of the patches are those of the model: {Tokens(tokens)}");
        vit = tokens;
        if (vit.PreLogits == 0 || ours.Weights.ContainsKey("pre_logits.fc.weight")) return vit;
        notes.Add("the file has no pre_logits layer, so the model is built without one");
        return vit with { PreLogits = 0 };
    }

    public override void Adapt(
        StateDict state, BackboneConfig file, BackboneConfig model, bool sizeWasAsked, string path, ICollection<string> changes)
    {
        (VitConfig from, VitConfig to) = ((VitConfig)file, (VitConfig)model);
        if (!sizeWasAsked || !state.Weights.TryGetValue(Positions, out StateDict.Weight? table)) return;
        int extra = to.NoEmbedClass ? 0 : to.FrontTokens;
        (int Height, int Width) old = table.Shape.Rank == 3 && table.Shape[1] == from.Positions
            ? (from.GridHeight, from.GridWidth) : Grid(table.Shape, extra, path);
        if (old == (to.GridHeight, to.GridWidth) || table.Shape[2] != to.EmbedDim) return;
        float[] values = PositionEmbeddings.Resize(table.ToArray(), to.EmbedDim, extra, old, (to.GridHeight, to.GridWidth));
        state.Add(Positions, new StateDict.Weight(new Shape(1, to.Positions, to.EmbedDim), destination => values.CopyTo(destination)));
        changes.Add($"{Positions} from {old.Height}x{old.Width} to {to.GridHeight}x{to.GridWidth} patches (bicubic)");
    }

    public override StateDict Prepared(StateDict ours)
    {
        if (!ours.Weights.ContainsKey(DistToken) || !ours.Weights.TryGetValue("head.weight", out StateDict.Weight? first)
            || first.Shape.Rank != 2) return ours;
        StateDict joined = ours.Renamed(static name => name.StartsWith("head_dist.", StringComparison.Ordinal) ? null : name);
        (int classes, int dim) = (first.Shape[0], first.Shape[1]);
        StateDict.Weight? second = ours.Weights.GetValueOrDefault("head_dist.weight");
        if (second is not null && second.Shape != first.Shape) return ours;
        joined.Add("head.weight", new StateDict.Weight(new Shape(classes, 2 * dim), destination =>
        {
            // Two heads whose logits are averaged are one head of both tokens, with half of each's weights; where there is one head it
            // reads the class token alone.
            (float[] one, float[]? other) = (first.ToArray(), second?.ToArray());
            for (int i = 0; i < one.Length; i++)
            {
                int at = (i / dim * 2 * dim) + (i % dim);
                destination[at] = other is null ? one[i] : one[i] / 2;
                destination[at + dim] = other is null ? 0 : other[i] / 2;
            }
        }));
        if (second is null || !ours.Weights.TryGetValue("head.bias", out StateDict.Weight? bias)
            || !ours.Weights.TryGetValue("head_dist.bias", out StateDict.Weight? beside) || bias.Shape != beside.Shape)
            return joined;
        joined.Add("head.bias", new StateDict.Weight(bias.Shape, destination =>
        {
            float[] other = beside.ToArray();
            bias.Read(destination);
            for (int k = 0; k < destination.Length; k++) destination[k] = (destination[k] + other[k]) / 2;
        }));
        return joined;
    }

    public override void Check(StateDict ours, BackboneConfig config, string path)
    {
        if (((VitConfig)config).GlobalPool || !ours.Weights.Keys.Any(name => name.StartsWith(AttentionPool, StringComparison.Ordinal)))
            return;
        throw new InvalidDataException(
            $"{path}: it holds SigLIP, whose attention pooling ({AttentionPool}*) is not supported; with global_pool "
            + "(model.global_pool=true in a recipe) the mean of the patch tokens is read in its place.");
    }

    public override string? ReasonToIgnore(string name, BackboneConfig config)
    {
        VitConfig vit = (VitConfig)config;
        if (name == "embeddings.position_ids") return "a counter, which the table of positions makes unnecessary";
        if (vit.GlobalPool && name.StartsWith("norm.", StringComparison.Ordinal)) return "global pooling normalises with fc_norm instead";
        if (vit.GlobalPool && name.StartsWith(AttentionPool, StringComparison.Ordinal)) return "global pooling takes the mean instead";
        return vit.PreLogits == 0 && name.StartsWith("pre_logits.", StringComparison.Ordinal)
            ? "the sizes asked for have no pre_logits layer" : null;
    }

    // MAE's fine-tuning starts fc_norm at ones and zeros and trains it with the head.
    public override bool MayStartAnew(string name, BackboneConfig config) =>
        ((VitConfig)config).GlobalPool && name.StartsWith("fc_norm.", StringComparison.Ordinal);

    public override string? Advice(string name, BackboneConfig config) =>
        name == Positions ? $"set img_size to {((VitConfig)config).ImgHeight} to resize it, or to that of the weights" : null;

    /// <summary>The square grid of a table [1, extra + g², C].</summary>
    /// <param name="position">The table's shape.</param>
    /// <param name="extra">Positions of tokens ahead of the patches.</param>
    /// <param name="path">For messages.</param>
    /// <exception cref="InvalidDataException">The number of tokens is not that of a square grid.</exception>
    public static (int Height, int Width) Grid(Shape position, int extra, string path)
    {
        int patches = position.Rank == 3 ? position[1] - extra : 0;
        if (IsSquare(patches) && (int)Math.Round(Math.Sqrt(patches)) is var side) return (side, side);
        throw new InvalidDataException(
            $"{path}: {Positions} is {position}, expected [1, {extra} + g·g, EmbedDim] of a square grid with {extra} "
            + $"{(extra == 1 ? "token" : "tokens")} ahead of it; for a grid that is not square give the sizes (model.config).");
    }

    private static bool IsSquare(int count) => count > 0 && (int)Math.Round(Math.Sqrt(count)) is var side && side * side == count;

    /// <summary>The configuration with the tokens ahead of the patches that the weights have.</summary>
    private static VitConfig TokensOf(VitConfig config, StateDict ours) => config with
    {
        ClassToken = ours.Weights.ContainsKey(ClassToken),
        DistToken = ours.Weights.ContainsKey(DistToken),
        RegTokens = ours.Weights.TryGetValue(RegTokens, out StateDict.Weight? registers) && registers.Shape.Rank == 3
            ? registers.Shape[1] : 0,
    };

    private static string Tokens(VitConfig config)
    {
        string[] kinds = [.. new[] { config.ClassToken ? "a class token" : "", config.DistToken
            ? "a distillation token" : "", config.RegTokens > 0 ? $"{config.RegTokens} registers" : "" }.Where(kind => kind.Length > 0)];
        string tokens = kinds.Length == 0 ? "none" : string.Join(" and ", kinds);
        return config.NoEmbedClass ? $"{tokens}, without a position" : tokens;
    }

    private static bool HasFcNorm(StateDict ours) => ours.Weights.ContainsKey("fc_norm.weight") && !ours.Weights.ContainsKey("norm.weight");
}
