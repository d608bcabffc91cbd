using AdaptFormer.Tensors;

namespace AdaptFormer.Models.Checkpoints;

/// <summary>How a backbone is built from a weights file. Everything left null follows from the file.</summary>
/// <param name="Id">A <see cref="ModelZoo"/> id: sizes and statistics are its own, and the file must fit. Inferred from shapes if
/// null.</param>
/// <param name="Config">Sizes in place of an id's.</param>
/// <param name="ImgSize">Side of the image in pixels; position embeddings are resized to it. The weights' own if null.</param>
/// <param name="NumFrames">Frames of a clip, for video models; the id's or the family's own if null.</param>
/// <param name="GlobalPool">Mean of the patch tokens and <c>fc_norm</c>, for plain ViTs; follows from the file if null.</param>
/// <param name="Compute">Type of the products' inputs.</param>
/// <param name="Inflate">Makes a model for clips of the weights of a plain image ViT.</param>
/// <param name="NumHeads">Attention heads, which no shape tells; EmbedDim/64 if null and neither id nor config.json say.</param>
/// <param name="DropPath">Stochastic depth of the last block in training.</param>
/// <param name="KeepHead">Keeps the file's classifier, if it has one; otherwise the model ends with its features.</param>
/// <param name="Preprocessing">What the weights expect, where neither id nor file say.</param>
/// <param name="Prefix">What stands ahead of the backbone's names when a file holds several; found if null.</param>
/// <param name="InflateTokens">Whether an inflated plain ViT keeps its class token and learned positions; otherwise positions are a fixed
/// sinusoid table, as in the authors' video code.</param>
public sealed record BackboneOptions(
    string? Id = null,
    BackboneConfig? Config = null,
    int? ImgSize = null,
    int? NumFrames = null,
    bool? GlobalPool = null,
    DataType Compute = DataType.Float32,
    Inflation? Inflate = null,
    int? NumHeads = null,
    float DropPath = 0,
    bool KeepHead = true,
    Preprocessing? Preprocessing = null,
    string? Prefix = null,
    bool InflateTokens = true);
