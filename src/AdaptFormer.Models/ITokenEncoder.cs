using AdaptFormer.Tensors;

namespace AdaptFormer.Models;

/// <summary>A plain transformer whose tokens can be taken apart: what a masked autoencoder needs of its encoder.</summary>
internal interface ITokenEncoder
{
    /// <summary>Tokens ahead of the patches: 1 for a class token.</summary>
    int FrontTokens { get; }

    /// <summary>Pixels → all tokens with their positions, [B, F + N, C], f32.</summary>
    Tensor Embed(Tensor pixels);

    /// <summary>Any of the tokens → the same through all blocks, normalised where the checkpoint's encoder does so.</summary>
    Tensor Encode(Tensor tokens);
}
