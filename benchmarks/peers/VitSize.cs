using AdaptFormer.Models;
using AdaptFormer.Models.Vit;

namespace AdaptFormer.Peers;

/// <summary>The sizes of a plain vision transformer.</summary>
internal sealed record VitSize(int ImageSize, int Patch, int Dim, int Depth, int Heads, int Hidden, int Classes)
{
    /// <summary>Of a model by its id, with <paramref name="classes"/> classes.</summary>
    /// <exception cref="ArgumentException">The model is not known, or is no ViT of pictures.</exception>
    public static VitSize Of(string model, int classes) => ModelZoo.Get(model).Config is VitConfig v
        ? new VitSize(v.ImgHeight, v.PatchSize, v.EmbedDim, v.Depth, v.NumHeads, (int)(v.EmbedDim * v.MlpRatio), classes)
        : throw new ArgumentException($"{model} is not a ViT.");
}
