using AdaptFormer.Models.Layers;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Models.Vit;

/// <summary>The plain vision transformer for images (ViT, DeiT, MAE, DINOv2, CLIP's vision tower), under timm's names.</summary>
public sealed class VisionTransformer : TokenBackbone, ITokenEncoder
{
    private readonly Parameter _posEmbed;
    private readonly Parameter[] _frontTokens;
    private readonly PatchEmbed _patchEmbed;
    private readonly Block[] _blocks;
    private readonly LayerNorm? _preNorm;
    private readonly LayerNorm _norm;
    private readonly PreLogits? _preLogits;

    /// <summary>A model without weights; load them, or <see cref="Backbone.Initialize"/>.</summary>
    /// <param name="id">Its name in messages and files.</param>
    /// <param name="config">Sizes.</param>
    /// <param name="compute">Type of the products' inputs; everything else is f32.</param>
    /// <exception cref="ArgumentException">The sizes contradict each other.</exception>
    public VisionTransformer(string id, VitConfig config, DataType compute = DataType.Float32)
    {
        config.Validate();
        (Id, Config, Compute) = (id, config, compute);
        int dim = config.EmbedDim;
        List<Parameter> front = [];
        if (config.ClassToken) front.Add(Add("cls_token", Parameter.Zeros(1, 1, dim)));
        if (config.DistToken) front.Add(Add("dist_token", Parameter.Zeros(1, 1, dim)));
        if (config.RegTokens > 0) front.Add(Add("reg_token", Parameter.Zeros(1, config.RegTokens, dim)));
        _frontTokens = [.. front];
        _posEmbed = Add("pos_embed", Parameter.Zeros(1, config.Positions, dim));
        _patchEmbed = Add("patch_embed", new PatchEmbed(config.PatchSize, dim, compute, bias: config.PatchBias));
        _preNorm = config.PreNorm ? Add("norm_pre", new LayerNorm(dim, config.NormEps)) : null;
        BlockList list = Add("blocks", new BlockList());
        _blocks = new Block[config.Depth];
        for (int i = 0; i < _blocks.Length; i++)
        {
            SelfAttention attention = new(dim, config.NumHeads, config.QkvBias ? QkvBias.Fused : QkvBias.None, compute);
            float dropPath = BlockList.DropPath(config.DropPath, i, config.Depth);
            Block block = new(attention, config.MlpHidden, config.NormEps, dropPath, compute, config.Activation, config.LayerScale)
            {
                Grid = new TokenGrid(1, config.GridHeight, config.GridWidth),
            };
            _blocks[i] = list.Add($"{i}", block);
        }

        _norm = Add(config.GlobalPool ? "fc_norm" : "norm", new LayerNorm(dim, config.NormEps));
        _preLogits = config.PreLogits > 0 ? Add("pre_logits", new PreLogits(dim, config.PreLogits)) : null;
    }

    /// <inheritdoc/>
    public override VitConfig Config { get; }

    /// <inheritdoc/>
    public override string Id { get; }

    /// <inheritdoc/>
    public override DataType Compute { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<Block> Blocks => _blocks;

    /// <inheritdoc/>
    public override int NumFeatures => Config.PreLogits > 0 ? Config.PreLogits : ReadTokens * Config.EmbedDim;

    /// <inheritdoc/>
    public override int FrontTokens => Config.FrontTokens;

    // Tokens whose features the head reads: all of them together as one mean, the class token, or the class token and the distillation
    // token.
    private int ReadTokens => ReadsClassToken && Config.DistToken ? 2 : 1;

    /// <inheritdoc/>
    protected override long TokenBytes => (long)Config.Tokens * Config.EmbedDim * sizeof(float);

    /// <inheritdoc/>
    public override bool ReadsClassToken => Config.ClassToken && !Config.GlobalPool;

    /// <inheritdoc/>
    public override IEnumerable<Module> HeadNorms => Config.GlobalPool ? [_norm] : [];

    /// <summary>[B, 3, H, W] → [B, N, C], f32.</summary>
    /// <exception cref="ArgumentException">The pixels have another size than the model.</exception>
    protected override Tensor Embed(Tensor pixels, Slots slots, Observer? observe)
    {
        if (pixels.Shape.Rank != 4 || !pixels.Shape.Dims[1..].SequenceEqual(InputShape.Dims))
            throw new ArgumentException(
                $"{Id}: pixels must be [B, {string.Join(", ", InputShape)}], got {pixels.Shape} "
                + "(another image size: build the model with it).");

        Tensor x = _patchEmbed.Forward(pixels, slots);                                         // [B, N−1, C]
        observe?.Invoke("patch_embed", x);
        if (Config.NoEmbedClass) x = x.AddBroadcast(_posEmbed);
        foreach (Parameter token in Enumerable.Reverse(_frontTokens)) x = x.PrependTokens(token);
        if (!Config.NoEmbedClass) x = x.AddBroadcast(_posEmbed);                        // [B, N, C]
        return _preNorm is null ? x : _preNorm.Forward(x, slots);
    }

    /// <inheritdoc/>
    protected override int Readout(int tokens) => ReadsClassToken ? ReadTokens : tokens;

    /// <summary>
    /// The mean of the patches, or the token that the head reads; both tokens of a distilled DeiT, and all tokens where there is neither a
    /// class token nor <c>fc_norm</c>: they are normalised before they become one vector.
    /// </summary>
    protected override Tensor Pool(Tensor tokens)
    {
        if (ReadsClassToken && ReadTokens == 1) return tokens.SliceTokens(0, 1).Reshape(tokens.Shape[0], Config.EmbedDim);
        return ReadsClassToken ? tokens.SliceTokens(0, ReadTokens) : Config.GlobalPool ? tokens.MeanTokens(start: FrontTokens) : tokens;
    }

    /// <inheritdoc/>
    protected override Tensor Finish(Tensor pooled, Slots slots)
    {
        Tensor features = _norm.Forward(pooled, slots);
        if (ReadTokens > 1) features = features.Reshape(pooled.Shape[0], ReadTokens * Config.EmbedDim);
        else if (!ReadsClassToken && !Config.GlobalPool) features = features.MeanTokens(start: FrontTokens);
        return _preLogits is null ? features : _preLogits.Forward(features, slots);
    }

    /// <inheritdoc/>
    protected override IEnumerable<Module> Finishers => _preLogits is null ? [_norm] : [_norm, _preLogits];

    Tensor ITokenEncoder.Embed(Tensor pixels) => Embed(pixels, Slots.Attached, observe: null);

    Tensor ITokenEncoder.Encode(Tensor tokens) => _norm.Forward(RunBlocks(tokens, Slots.Attached, observe: null, readout: tokens.Shape[1]));

    private sealed class PreLogits : Module
    {
        private readonly Linear _fc;

        public PreLogits(int dim, int size) => _fc = Add("fc", new Linear(dim, size));

        public Tensor Forward(Tensor x, Slots slots) => _fc.Forward(x, slots).Tanh();
    }
}
