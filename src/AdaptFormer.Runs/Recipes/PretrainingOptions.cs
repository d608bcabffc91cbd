using AdaptFormer.Training;

namespace AdaptFormer.Runs.Recipes;

/// <summary>What is hidden and what guesses it: the <c>pretraining</c> section of a recipe of <c>adaptformer pretrain</c>.</summary>
/// <param name="MaskRatio">Share of patches that the encoder does not see, in (0, 1); null takes the papers' 0.75 for pictures and 0.9,
/// in tubes, for clips.</param>
/// <param name="DecoderEmbedDim">Features of the decoder.</param>
/// <param name="DecoderDepth">Its blocks.</param>
/// <param name="DecoderNumHeads">Its attention heads.</param>
/// <param name="NormPixLoss">Whether patches are guessed after their own mean and deviation were taken out, which gives better
/// encoders.</param>
public sealed record PretrainingOptions(
    double? MaskRatio = null, int DecoderEmbedDim = 512, int DecoderDepth = 8, int DecoderNumHeads = 16, bool NormPixLoss = true)
{
    internal void Check(RecipeCheck check)
    {
        check.Require(MaskRatio is null or (> 0 and < 1), "mask_ratio", MaskRatio, "null or a number in (0, 1)");
        check.Require(DecoderEmbedDim >= 1, "decoder_embed_dim", DecoderEmbedDim, "a whole number of at least 1");
        check.Require(DecoderDepth >= 1, "decoder_depth", DecoderDepth, "a whole number of at least 1");
        check.Require(DecoderNumHeads >= 1, "decoder_num_heads", DecoderNumHeads, "a whole number of at least 1");
    }
}
