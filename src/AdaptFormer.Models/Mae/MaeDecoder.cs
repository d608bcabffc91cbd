using AdaptFormer.Models.Layers;
using AdaptFormer.Models.Vit;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Models.Mae;

/// <summary>
/// The small transformer that guesses pixels: every patch that was not seen starts as one learned token and its position.
/// </summary>
internal sealed class MaeDecoder : Module
{
    private readonly MaeConfig _config;
    private readonly int _front;
    private readonly Linear _embed, _pred;
    private readonly Parameter _maskToken;
    private readonly Parameter? _posEmbed;
    private readonly Lazy<float[]> _sinusoid;
    private readonly Block[] _blocks;
    private readonly LayerNorm _norm;

    public MaeDecoder(MaeConfig config, int encoderDim, DataType compute)
    {
        bool isVideo = config.Encoder is VideoVitConfig;
        int dim = config.DecoderEmbedDim;
        (_config, _front) = (config, isVideo ? 0 : 1);
        _maskToken = Add("mask_token", Parameter.Zeros(1, 1, dim));
        if (!isVideo) _posEmbed = Add("pos_embed", Parameter.Zeros(1, 1 + config.Patches, dim));
        _sinusoid = new Lazy<float[]>(() => PositionEmbeddings.Sinusoid(config.Patches, dim));
        _embed = Add("embed", new Linear(encoderDim, dim, bias: !isVideo, compute));
        BlockList list = Add("blocks", new BlockList());
        _blocks = new Block[config.DecoderDepth];
        for (int i = 0; i < _blocks.Length; i++)
        {
            SelfAttention attention = new(dim, config.DecoderNumHeads, isVideo ? QkvBias.QueryValue : QkvBias.Fused, compute);
            Block block = new(attention, (int)(dim * config.MlpRatio), VitConfig.DefaultNormEps, dropPath: 0, compute);
            _blocks[i] = list.Add($"{i}", block);
        }

        _norm = Add("norm", new LayerNorm(dim, VitConfig.DefaultNormEps, compute));
        _pred = Add("pred", new Linear(dim, config.PatchLength, bias: true, compute));
    }

    /// <summary>Latent tokens of the seen patches [B, (1 +) K, C] → features of all patches in their places [B, N, D].</summary>
    public Tensor Decode(Tensor latent, TokenMask mask)
    {
        Tensor seen = latent.Linear(_embed.Weight, _embed.Bias, output: DataType.Float32);                  // [B, (1 +) K, D]
        int[] sources = [.. mask.Places.Select(place => place < mask.KeptPatches ? place + 1 + _front : 0)];       // 0 is the mask token
        int[] places = MaskedAutoencoder.WithFront(sources, mask.Batch, _front, offset: 0, first: 1);
        Tensor x = seen.PrependTokens(_maskToken).GatherTokens(places);
        x = x.AddBroadcast(_posEmbed ?? Tensor.From(_sinusoid.Value, new Shape(1, mask.Patches, x.Shape[2])));
        foreach (Block block in _blocks) x = block.Forward(x);
        return x.SliceTokens(_front, mask.Patches);
    }

    /// <summary>Features [B, M, D] → pixels [B, M, P], f32.</summary>
    public Tensor Predict(Tensor x) => _norm.Forward(x).Linear(_pred.Weight, _pred.Bias, output: DataType.Float32);

    /// <summary>Fills the fixed table of positions.</summary>
    public void SetPositions()
    {
        if (_posEmbed is null || _config.Encoder is not VitConfig vit) return;
        _posEmbed.Assign(PositionEmbeddings.SinCos2D(_config.DecoderEmbedDim, (vit.GridHeight, vit.GridWidth), clsToken: true));
    }
}
