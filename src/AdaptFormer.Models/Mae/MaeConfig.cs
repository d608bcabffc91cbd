using AdaptFormer.Models.Vit;

namespace AdaptFormer.Models.Mae;

/// <summary>The sizes of a masked autoencoder.</summary>
/// <param name="Encoder">The encoder: a plain ViT for pictures or for clips.</param>
/// <param name="DecoderEmbedDim">Features of the decoder.</param>
/// <param name="DecoderDepth">Its blocks.</param>
/// <param name="DecoderNumHeads">Its attention heads; divides its features.</param>
/// <param name="NormPixLoss">Whether a patch is to be guessed after its own mean and deviation were taken out (MAE: of the whole patch;
/// VideoMAE: of each channel).</param>
public sealed record MaeConfig(
    BackboneConfig Encoder, int DecoderEmbedDim = 512, int DecoderDepth = 8, int DecoderNumHeads = 16, bool NormPixLoss = false)
{
    /// <summary>Units of a feed-forward layer as a multiple of the features.</summary>
    public double MlpRatio => Encoder is VideoVitConfig video ? video.MlpRatio : ((VitConfig)Encoder).MlpRatio;

    /// <summary>N, patches or tubelets of a sample.</summary>
    public int Patches => Encoder is VideoVitConfig video ? video.Patches : ((VitConfig)Encoder).Tokens - 1;

    /// <summary>Numbers of a patch, 3·t·p².</summary>
    public int PatchLength => Encoder is VideoVitConfig video
        ? 3 * video.TubeletSize * video.PatchSize * video.PatchSize : 3 * ((VitConfig)Encoder).PatchSize * ((VitConfig)Encoder).PatchSize;

    /// <summary>Throws when the sizes contradict each other, naming all contradictions.</summary>
    /// <exception cref="ArgumentException">The encoder is no plain ViT, or a size is out of range.</exception>
    public void Validate()
    {
        Encoder.Validate();
        List<string> faults = [];
        if (Encoder is not (VitConfig or VideoVitConfig))
            throw new ArgumentException($"Masked autoencoder: {Encoder.DefaultId} is no plain ViT; only those are pre-trained by masking.");
        if (Encoder is VitConfig { GlobalPool: true } or VitConfig { PreLogits: > 0 })
            faults.Add("the encoder has no global_pool and no pre_logits layer");
        if (Encoder is VitConfig plain && (!plain.ClassToken || plain.FrontTokens > 1 || plain.NoEmbedClass))
            faults.Add("the encoder has a class token with a position, and no other tokens ahead of the patches");
        if (Encoder is VideoVitConfig { ImageTokens: true }) faults.Add("the encoder for clips has no image_tokens");
        if (DecoderEmbedDim < 4 || DecoderDepth < 1 || DecoderNumHeads < 1) faults.Add("every size of the decoder must be positive");
        else if (DecoderEmbedDim % DecoderNumHeads
            != 0) faults.Add($"decoder_num_heads {DecoderNumHeads} must divide decoder_embed_dim {DecoderEmbedDim}");
        if (Encoder is VitConfig vit && (DecoderEmbedDim % 4 != 0 || vit.EmbedDim % 4 != 0))
            faults.Add("sine-cosine positions need a multiple of 4 features in encoder and decoder");
        if (faults.Count > 0) throw new ArgumentException($"Masked autoencoder: {string.Join("; ", faults)}.");
    }
}
