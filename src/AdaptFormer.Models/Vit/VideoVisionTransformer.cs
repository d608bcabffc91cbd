using AdaptFormer.Models.Layers;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Models.Vit;

/// <summary>
/// The plain vision transformer for clips, under VideoMAE's names: tubelets become tokens, all attend to all, and the mean of all of them
/// is normalised and read out.
/// </summary>
/// <remarks>
/// VideoMAE, arXiv:2203.12602; follows the AdaptFormer authors' video code. Positions are a fixed sinusoid table over all tubelets in
/// order, made anew for each clip size.
/// </remarks>
public sealed class VideoVisionTransformer : TokenBackbone, ITokenEncoder
{
    private readonly Parameter? _clsToken, _posEmbed;
    private readonly PatchEmbed _patchEmbed;
    private readonly Block[] _blocks;
    private readonly LayerNorm _fcNorm;
    private readonly Lazy<float[]> _sinusoid;

    /// <summary>A model without weights; load them, or <see cref="Backbone.Initialize"/>.</summary>
    /// <param name="id">Its name in messages and files.</param>
    /// <param name="config">Sizes.</param>
    /// <param name="compute">Type of the products' inputs; everything else is f32.</param>
    /// <exception cref="ArgumentException">The sizes contradict each other.</exception>
    public VideoVisionTransformer(string id, VideoVitConfig config, DataType compute = DataType.Float32)
    {
        config.Validate();
        (Id, Config, Compute) = (id, config, compute);
        int dim = config.EmbedDim;
        if (config.ImageTokens)
        {
            _clsToken = Add("cls_token", Parameter.Zeros(1, 1, dim));
            _posEmbed = Add("pos_embed", Parameter.Zeros(1, config.Tokens, dim));
        }

        _sinusoid = new Lazy<float[]>(() => PositionEmbeddings.Sinusoid(config.Patches, dim));
        _patchEmbed = Add("patch_embed", new PatchEmbed(config.PatchSize, dim, compute, config.TubeletSize));
        BlockList list = Add("blocks", new BlockList());
        _blocks = new Block[config.Depth];
        for (int i = 0; i < _blocks.Length; i++)
        {
            SelfAttention attention = new(dim, config.NumHeads, config.QkvBias ? QkvBias.QueryValue : QkvBias.None, compute);
            float dropPath = BlockList.DropPath(config.DropPath, i, config.Depth);
            _blocks[i] = list.Add($"{i}", new Block(attention, config.MlpHidden, config.NormEps, dropPath, compute)
            {
                Grid = new TokenGrid(config.NumFrames / config.TubeletSize, config.GridHeight, config.GridWidth),
            });
        }

        _fcNorm = Add("fc_norm", new LayerNorm(dim, config.NormEps));
    }

    /// <inheritdoc/>
    public override VideoVitConfig Config { get; }

    /// <inheritdoc/>
    public override string Id { get; }

    /// <inheritdoc/>
    public override DataType Compute { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<Block> Blocks => _blocks;

    /// <inheritdoc/>
    public override int NumFeatures => Config.EmbedDim;

    /// <inheritdoc/>
    public override int FrontTokens => Config.ImageTokens ? 1 : 0;

    /// <inheritdoc/>
    public override IEnumerable<Module> HeadNorms => [_fcNorm];

    /// <inheritdoc/>
    protected override long TokenBytes => (long)Config.Tokens * Config.EmbedDim * sizeof(float);

    /// <summary>[B, 3, T, H, W] → [B, N, C], f32.</summary>
    /// <exception cref="ArgumentException">The clips have another size than the model.</exception>
    protected override Tensor Embed(Tensor pixels, Slots slots, Observer? observe)
    {
        if (pixels.Shape.Rank != 5 || !pixels.Shape.Dims[1..].SequenceEqual(InputShape.Dims))
            throw new ArgumentException(
                $"{Id}: clips must be [B, {string.Join(", ", InputShape)}], got {pixels.Shape} "
                + "(another number of frames or size: build the model with it).");

        Tensor x = _patchEmbed.Forward(pixels, slots);                                                     // [B, N, C]
        observe?.Invoke("patch_embed", x);
        return _clsToken is not null && _posEmbed is not null
            ? x.PrependTokens(_clsToken).AddBroadcast(_posEmbed)                                    // [B, 1 + N, C]
            : x.AddBroadcast(Tensor.From(_sinusoid.Value, new Shape(1, Config.Patches, Config.EmbedDim)));
    }

    /// <inheritdoc/>
    protected override int Readout(int tokens) => tokens;

    /// <inheritdoc/>
    protected override Tensor Pool(Tensor tokens) => tokens.MeanTokens(start: Config.ImageTokens ? 1 : 0);

    /// <inheritdoc/>
    protected override Tensor Finish(Tensor pooled, Slots slots) => _fcNorm.Forward(pooled, slots);

    /// <inheritdoc/>
    protected override IEnumerable<Module> Finishers => [_fcNorm];

    Tensor ITokenEncoder.Embed(Tensor pixels) => Embed(pixels, Slots.Attached, observe: null);

    Tensor ITokenEncoder.Encode(Tensor tokens) => RunBlocks(tokens, Slots.Attached, observe: null, readout: tokens.Shape[1]);
}
