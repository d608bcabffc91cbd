using AdaptFormer.Tensors;

namespace AdaptFormer.Models.Vit;

/// <summary>Makes weights of an image ViT fit the same transformer for clips (the AdaptFormer paper's section 4.6: ImageNet weights on
/// Something-Something V2).</summary>
/// <remarks>
/// The paper does not say how; this is the inflation of ViViT (arXiv:2103.15691) and its forerunners, and where the configuration has no
/// <c>image_tokens</c> that of the authors' public code, which drops the class token and the learned positions for a fixed sinusoid table
/// and reads the mean of all tokens. The patch kernel is spread over the frames of a tubelet. The positions of the image's grid, resized to
/// the frame's, are repeated for every step in time. The class token and its position stay, because the blocks learned to attend to it; it
/// is not read out. Biases of queries and values stay; that of the keys goes, which changes nothing: it adds the same to all of a query's
/// scores.
/// </remarks>
internal static class ImageWeights
{
    private const string Patch = "patch_embed.proj.weight", Positions = "pos_embed";

    /// <summary>Changes <paramref name="state"/>, an image ViT's weights under our names, into those of <paramref name="model"/>.</summary>
    /// <exception cref="InvalidDataException">They are not an image ViT's, or their positions form no square grid.</exception>
    public static void Inflate(StateDict state, VideoVitConfig model, Inflation how, string path, ICollection<string> changes)
    {
        Shape patch = state.Weights[Patch].Shape;
        if (!state.Weights.TryGetValue(Positions, out StateDict.Weight? table) || !state.Weights.ContainsKey("cls_token"))
            throw new InvalidDataException($"{path}: image weights for clips are those of a plain ViT with a class token and learned "
                + "positions; cls_token or pos_embed is missing.");
        (int Height, int Width) grid = VitFamily.Grid(table.Shape, extra: 1, path);

        float[] kernel = Kernel(state.Weights[Patch].ToArray(), patch[0] * patch[1], model.TubeletSize, how);
        Put(state, Patch, kernel, patch[0], patch[1], model.TubeletSize, patch[2], patch[3]);
        SplitBiases(state, model.QkvBias);
        changes.Add(
            $"{Patch} from {patch} to tubelets of {model.TubeletSize} frames ({(how == Inflation.Mean ? "mean" : "centre")} inflation)");
        if (!model.ImageTokens)
        {
            state.Remove("cls_token");
            state.Remove(Positions);
            changes.Add($"cls_token and {Positions} left out: positions are a fixed sinusoid table, as in the authors' video code");
        }
        else
        {
            Put(state, Positions, Repeat(table.ToArray(), table.Shape[2], grid, model), 1, model.Tokens, table.Shape[2]);
            changes.Add($"{Positions} from {grid.Height}x{grid.Width} to {model.GridHeight}x{model.GridWidth} patches, repeated for "
                + $"{model.NumFrames / model.TubeletSize} steps in time; the class token keeps its own");
        }

        changes.Add("attn.qkv.bias to q_bias and v_bias (a bias of the keys has no effect)");
    }

    /// <summary>The patch kernel [C, 3, p, p] of image weights for tubelets, [C, 3, t, p, p].</summary>
    public static StateDict.Weight Kernel(StateDict.Weight patch, int tubelet, Inflation how)
    {
        Shape shape = patch.Shape;
        return new StateDict.Weight(
            new Shape(shape[0], shape[1], tubelet, shape[2], shape[3]),
            destination => Kernel(patch.ToArray(), shape[0] * shape[1], tubelet, how).CopyTo(destination));
    }

    /// <summary>[planes, p·p] → [planes, t, p·p].</summary>
    private static float[] Kernel(float[] image, int planes, int tubelet, Inflation how)
    {
        int plane = image.Length / planes;
        float[] video = new float[image.Length * tubelet];
        for (int i = 0; i < planes; i++)
        {
            for (int t = 0; t < tubelet; t++)
            {
                float share = how == Inflation.Mean ? 1f / tubelet : t == tubelet / 2 ? 1 : 0;
                for (int j = 0; j < plane; j++) video[(((i * tubelet) + t) * plane) + j] = share * image[(i * plane) + j];
            }
        }

        return video;
    }

    /// <summary>[1 + h·w, C] → [1 + T·h'·w', C].</summary>
    private static float[] Repeat(float[] table, int dim, (int Height, int Width) grid, VideoVitConfig model)
    {
        float[] frame = PositionEmbeddings.Resize(table, dim, extra: 1, grid, (model.GridHeight, model.GridWidth));
        ReadOnlySpan<float> places = frame.AsSpan(dim);
        float[] clip = new float[model.Tokens * dim];
        frame.AsSpan(0, dim).CopyTo(clip);
        for (int at = dim; at < clip.Length; at += places.Length) places.CopyTo(clip.AsSpan(at));
        return clip;
    }

    private static void SplitBiases(StateDict state, bool keep)
    {
        const string Fused = ".attn.qkv.bias";
        foreach (string name in state.Weights.Keys.Where(name => name.EndsWith(Fused, StringComparison.Ordinal)).ToArray())
        {
            StateDict.Weight bias = state.Weights[name];
            int dim = bias.Shape[0] / 3;
            state.Remove(name);
            if (!keep) continue;
            string attention = name[..^"qkv.bias".Length];
            state.Add($"{attention}q_bias",
                new StateDict.Weight(new Shape(dim), destination => bias.ToArray().AsSpan(0, dim).CopyTo(destination)));
            state.Add($"{attention}v_bias",
                new StateDict.Weight(new Shape(dim), destination => bias.ToArray().AsSpan(2 * dim, dim).CopyTo(destination)));
        }
    }

    private static void Put(StateDict state, string name, float[] values, params ReadOnlySpan<int> dims) =>
        state.Add(name, new StateDict.Weight(new Shape(dims), destination => values.CopyTo(destination)));
}
