using System.Globalization;
using AdaptFormer.Models.Vit;
using AdaptFormer.Tensors;

namespace AdaptFormer.Models.Checkpoints;

/// <summary>Reads a plain ViT's sizes off the shapes of its weights.</summary>
internal static class VitShapes
{
    /// <summary>The sizes that <paramref name="ours"/> tell.</summary>
    /// <param name="ours">Weights under our names.</param>
    /// <param name="path">For messages.</param>
    /// <param name="heads">Attention heads, which no shape tells; EmbedDim/64 if null.</param>
    /// <exception cref="InvalidDataException">A weight that the sizes are read from is missing or has a shape that no plain ViT has.</exception>
    public static VitConfig Infer(StateDict ours, string path, int? heads)
    {
        Shape patch = Require("patch_embed.proj.weight", 4), position = Require("pos_embed", 3), fc1 = Require("blocks.0.mlp.fc1.weight", 2);
        (int dim, int size) = (patch[0], patch[2]);
        if (patch[1] != 3 || patch[3] != size || size < 1 || dim < 1)
            throw new InvalidDataException($"{path}: patch_embed.proj.weight is {patch}, expected [EmbedDim, 3, patch, patch].");

        (int height, int width) = Grid(position, path);
        if (heads is null && dim % 64 != 0)
            throw new InvalidDataException($"{path}: the number of attention heads is not in the shapes, and EmbedDim {dim} is no multiple of 64; give the model's id or its number of heads.");
        return new VitConfig(
            height * size, width * size, size, dim, Depth(ours), heads ?? dim / 64, (double)fc1[0] / dim,
            QkvBias: ours.Weights.ContainsKey("blocks.0.attn.qkv.bias"),
            PreLogits: ours.Weights.TryGetValue("pre_logits.fc.weight", out StateDict.Weight? preLogits) ? preLogits.Shape[0] : 0);

        Shape Require(string name, int rank)
        {
            if (!ours.Weights.TryGetValue(name, out StateDict.Weight? weight)) throw new InvalidDataException($"{path}: {name} is missing; it is no plain ViT, or not a whole one.");
            if (weight.Shape.Rank == rank) return weight.Shape;
            string video = name.StartsWith("patch_embed", StringComparison.Ordinal) && weight.Shape.Rank == 5 ? " (five axes: a video model)" : "";
            throw new InvalidDataException($"{path}: {name} is {weight.Shape}, expected {rank} axes{video}.");
        }
    }

    /// <summary>The square grid of a table [1, 1 + g², C] with a class token.</summary>
    /// <exception cref="InvalidDataException">The number of tokens is not that of a square grid.</exception>
    public static (int Height, int Width) Grid(Shape position, string path)
    {
        int patches = position.Rank == 3 ? position[1] - 1 : 0, side = (int)Math.Round(Math.Sqrt(Math.Max(0, patches)));
        if (side < 1 || side * side != patches)
            throw new InvalidDataException($"{path}: pos_embed is {position}, expected [1, 1 + g·g, EmbedDim] of a square grid with a class token; for another grid give the sizes.");
        return (side, side);
    }

    private static int Depth(StateDict ours)
    {
        int depth = 0;
        foreach (string name in ours.Weights.Keys)
        {
            string[] parts = name.Split('.', 3);
            if (parts.Length == 3 && parts[0] == "blocks" && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out int block) && block < 4096)
                depth = Math.Max(depth, block + 1);
        }

        return depth;
    }
}
